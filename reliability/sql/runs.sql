-- grain: logical run: the attempts of one job id (requeues), in order.
-- inputs: attempts, attributions, parameters.
-- W = Q + R + U of Kokolis et al.: queued while eligible, productive, scheduled but unproductive. Unproductive time is
-- estimated under the parameters: a restart overhead at each start, and for each attempt that did not complete half a
-- checkpoint interval of lost work, together never more than the attempt ran. ETTR = R / W.
-- Times are cut to the observation, as in `attempts`.
WITH parts AS (
    SELECT
        attempts.cluster,
        attempts.job_id_raw,
        attempts.job_id,
        attempts.attempt,
        attempts.job_name,
        attempts.user,
        attempts.partition,
        attempts.qos,
        attempts.state,
        attempts.start_micros,
        attempts.end_micros,
        attempts.node_count,
        attempts.gpu_count,
        attempts.run_seconds,
        greatest(0e0, (attempts.start_micros - unix_micros(coalesce(attempts.eligible_utc, attempts.submit_utc))) / 1e6) AS queue_seconds,
        least(attempts.run_seconds, CAST(parameters.restart_overhead_seconds AS DOUBLE)) AS restart_seconds,
        CASE
            WHEN attempts.state IN ('NODE_FAIL', 'FAILED', 'PREEMPTED', 'REQUEUED', 'TIMEOUT', 'OUT_OF_MEMORY')
                THEN least(
                    greatest(0e0, attempts.run_seconds - parameters.restart_overhead_seconds),
                    parameters.checkpoint_interval_seconds / 2e0
                )
            ELSE 0e0
        END AS lost_seconds,
        CASE WHEN coalesce(attributions.is_infrastructure, FALSE) THEN 1 ELSE 0 END AS infrastructure
    FROM attempts
    CROSS JOIN parameters
    LEFT JOIN attributions
        ON attempts.cluster = attributions.cluster
        AND attempts.job_id_raw = attributions.job_id_raw
        AND attempts.attempt = attributions.attempt
),

summed AS (
    SELECT
        cluster,
        job_id_raw,
        max_by(job_id, attempt) AS job_id,
        max_by(job_name, attempt) AS job_name,
        max_by(parts.user, attempt) AS user,
        max_by(partition, attempt) AS partition,
        max_by(qos, attempt) AS qos,
        max_by(state, attempt) AS state,
        min(start_micros) AS start_micros,
        max(end_micros) AS end_micros,
        max(node_count) AS node_count,
        max(gpu_count) AS gpu_count,
        count(*) AS attempt_count,
        sum(infrastructure) AS infrastructure_failures,
        sum(queue_seconds) AS queue_seconds,
        sum(run_seconds) AS scheduled_seconds,
        sum(restart_seconds) AS restart_seconds,
        sum(lost_seconds) AS lost_seconds
    FROM parts
    GROUP BY cluster, job_id_raw
)

SELECT
    cluster,
    job_id_raw,
    job_id,
    job_name,
    summed.user,
    partition,
    qos,
    state,
    timestamp_micros(start_micros) AS start_utc,
    timestamp_micros(end_micros) AS end_utc,
    node_count,
    gpu_count,
    attempt_count,
    CAST(infrastructure_failures AS BIGINT) AS infrastructure_failures,
    queue_seconds,
    scheduled_seconds,
    restart_seconds,
    lost_seconds,
    scheduled_seconds - restart_seconds - lost_seconds AS productive_seconds,
    CASE
        WHEN queue_seconds + scheduled_seconds > 0
            THEN (scheduled_seconds - restart_seconds - lost_seconds) / (queue_seconds + scheduled_seconds)
    END AS ettr
FROM summed
