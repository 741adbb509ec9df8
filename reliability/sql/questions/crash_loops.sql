-- Crash loops: $failures or more attempts of one run in a row that the infrastructure ended, with at most
-- $progress_seconds of work kept between one failure and the next; what they cost, in hours of the unit, and what the
-- preemptions cost that their returns brought about.
WITH suspects AS (
    SELECT attempt_parts.cluster, attempt_parts.run_id
    FROM attempt_parts INNER JOIN attributions
        ON attempt_parts.cluster = attributions.cluster
        AND attempt_parts.job_id_raw = attributions.job_id_raw
        AND attempt_parts.attempt = attributions.attempt
    WHERE attributions.is_infrastructure
    GROUP BY attempt_parts.cluster, attempt_parts.run_id
    HAVING count(*) >= $failures
),

in_order AS (
    SELECT
        attempt_parts.*,
        attributions.cause,
        attributions.failed_node,
        attributions.cause IS NOT NULL AS failed,
        lag(attributions.cause IS NOT NULL, 1, FALSE) OVER (
            PARTITION BY attempt_parts.cluster, attempt_parts.run_id ORDER BY attempt_parts.from_micros, attempt_parts.attempt
        ) AS failed_before
    FROM attempt_parts
    INNER JOIN suspects ON attempt_parts.cluster = suspects.cluster AND attempt_parts.run_id = suspects.run_id
    LEFT JOIN attributions
        ON attempt_parts.cluster = attributions.cluster
        AND attempt_parts.job_id_raw = attributions.job_id_raw
        AND attempt_parts.attempt = attributions.attempt
        AND attributions.is_infrastructure
),

numbered AS (
    SELECT
        *,
        sum(CASE WHEN failed AND failed_before AND productive_seconds <= $progress_seconds THEN 0 ELSE 1 END) OVER (
            PARTITION BY cluster, run_id ORDER BY from_micros, attempt
        ) AS loop_number
    FROM in_order
),

held AS (
    SELECT cluster, job_id_raw, attempt, sum(amount) / 1e6 AS amount
    FROM allocations
    GROUP BY cluster, job_id_raw, attempt
),

brought AS (
    SELECT
        preemption_chains.cluster,
        root_job_id_raw,
        root_attempt,
        count(*) AS preemptions,
        sum(attempt_parts.lost_seconds * coalesce(held.amount, 0)) / 3.6e3 AS hours
    FROM preemption_chains
    INNER JOIN attempt_parts
        ON preemption_chains.cluster = attempt_parts.cluster
        AND preemption_chains.job_id_raw = attempt_parts.job_id_raw
        AND preemption_chains.attempt = attempt_parts.attempt
    LEFT JOIN held
        ON preemption_chains.cluster = held.cluster
        AND preemption_chains.job_id_raw = held.job_id_raw
        AND preemption_chains.attempt = held.attempt
    GROUP BY preemption_chains.cluster, root_job_id_raw, root_attempt
)

SELECT
    numbered.cluster,
    numbered.run_id,
    max(numbered.job_name) AS job_name,
    max(numbered.user) AS user,
    max(numbered.node_count) AS node_count,
    max(numbered.gpu_count) AS gpu_count,
    count(*) AS failures,
    min(timestamp_micros(numbered.from_micros)) AS from_utc,
    max(timestamp_micros(numbered.to_micros)) AS to_utc,
    mode(numbered.cause) AS cause,
    count(DISTINCT numbered.failed_node) AS failed_nodes,
    coalesce(sum(numbered.lost_seconds * held.amount), 0) / 3.6e3 AS lost_hours,
    coalesce(sum(numbered.restart_seconds * held.amount), 0) / 3.6e3 AS restart_hours,
    CAST(coalesce(sum(brought.preemptions), 0) AS BIGINT) AS preemptions,
    coalesce(sum(brought.hours), 0) AS preempted_hours
FROM numbered
LEFT JOIN held
    ON numbered.cluster = held.cluster AND numbered.job_id_raw = held.job_id_raw AND numbered.attempt = held.attempt
LEFT JOIN brought
    ON numbered.cluster = brought.cluster
    AND numbered.job_id_raw = brought.root_job_id_raw
    AND numbered.attempt = brought.root_attempt
WHERE numbered.failed
GROUP BY numbered.cluster, numbered.run_id, numbered.loop_number
HAVING count(*) >= $failures
ORDER BY lost_hours + restart_hours + preempted_hours DESC, numbered.cluster, numbered.run_id, from_utc
