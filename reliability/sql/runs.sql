-- grain: logical run: the attempts that `run_members` chains, as far as they ran within the observation.
-- inputs: attempt_parts, attributions.
-- W = Q + R + U of Kokolis et al.: queued while eligible, productive, scheduled but unproductive (restart, checkpoint
-- writes, lost work: see `attempt_parts` for what is logged and what is assumed). ETTR = R / W. The time between the end
-- of an attempt and the next one's being eligible belongs to nobody. Times are cut to the observation; a run is whole if
-- it began and ended within it. Names and state are those of its last attempt. checkpoint_source is logged or assumed if
-- all its attempts were, else mixed.
WITH parts AS (
    SELECT
        attempt_parts.*,
        CASE WHEN coalesce(attributions.is_infrastructure, FALSE) THEN 1 ELSE 0 END AS infrastructure
    FROM attempt_parts
    LEFT JOIN attributions
        ON attempt_parts.cluster = attributions.cluster
        AND attempt_parts.job_id_raw = attributions.job_id_raw
        AND attempt_parts.attempt = attributions.attempt
),

summed AS (
    SELECT
        cluster,
        run_id,
        max_by(job_id_raw, from_micros) AS job_id_raw,
        max_by(job_id, from_micros) AS job_id,
        max_by(job_name, from_micros) AS job_name,
        max_by(parts.user, from_micros) AS user,
        max_by(account, from_micros) AS account,
        max_by(partition, from_micros) AS partition,
        max_by(qos, from_micros) AS qos,
        max_by(state, from_micros) AS state,
        min(from_micros) AS from_micros,
        max(to_micros) AS to_micros,
        max(node_count) AS node_count,
        max(gpu_count) AS gpu_count,
        count(*) AS attempt_count,
        count(DISTINCT job_id_raw) - 1 AS resubmissions,
        sum(infrastructure) AS infrastructure_failures,
        sum(CASE WHEN ended AND state = 'PREEMPTED' THEN 1 ELSE 0 END) AS preemptions,
        max(CASE WHEN begins_run THEN 1 ELSE 0 END) * min(CASE WHEN ended THEN 1 ELSE 0 END) AS whole,
        min(checkpoint_source) AS least_source,
        max(checkpoint_source) AS greatest_source,
        sum(run_seconds * gpu_count) / 3.6e3 AS gpu_hours,
        sum(queue_seconds) AS queue_seconds,
        sum(run_seconds) AS scheduled_seconds,
        sum(restart_seconds) AS restart_seconds,
        sum(checkpoint_seconds) AS checkpoint_seconds,
        sum(lost_seconds) AS lost_seconds,
        sum(productive_seconds) AS productive_seconds
    FROM parts
    GROUP BY cluster, run_id
)

SELECT
    cluster,
    run_id,
    job_id_raw,
    job_id,
    job_name,
    summed.user,
    account,
    partition,
    qos,
    state,
    timestamp_micros(from_micros) AS start_utc,
    timestamp_micros(to_micros) AS end_utc,
    whole = 1 AS whole,
    node_count,
    gpu_count,
    attempt_count,
    resubmissions,
    CAST(infrastructure_failures AS BIGINT) AS infrastructure_failures,
    CAST(preemptions AS BIGINT) AS preemptions,
    CASE WHEN least_source = greatest_source THEN least_source ELSE 'mixed' END AS checkpoint_source,
    gpu_hours,
    queue_seconds,
    scheduled_seconds,
    restart_seconds,
    checkpoint_seconds,
    lost_seconds,
    productive_seconds,
    CASE
        WHEN queue_seconds + scheduled_seconds > 0
            THEN productive_seconds / (queue_seconds + scheduled_seconds)
    END AS ettr
FROM summed
