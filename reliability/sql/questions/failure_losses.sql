-- One row per attempt that the infrastructure ended: what it lost, and what the preemptions lost that its return brought
-- about (of those, at depth 1: by itself), in hours of the unit. `paper_…`: min(run time, half a checkpoint interval) ×
-- GPUs, the goodput loss of Kokolis et al.
WITH held AS (
    SELECT cluster, job_id_raw, attempt, sum(amount) / 1e6 AS amount
    FROM allocations
    GROUP BY cluster, job_id_raw, attempt
),

lost AS (
    SELECT
        attempt_parts.cluster,
        attempt_parts.job_id_raw,
        attempt_parts.attempt,
        attempt_parts.to_micros,
        attempt_parts.lost_seconds * coalesce(held.amount, 0) / 3.6e3 AS hours,
        least(attempt_parts.run_seconds, parameters.checkpoint_interval_seconds / 2e0)
        * coalesce(attempt_parts.gpu_count, 0) / 3.6e3 AS paper_gpu_hours
    FROM attempt_parts
    CROSS JOIN parameters
    LEFT JOIN held
        ON attempt_parts.cluster = held.cluster
        AND attempt_parts.job_id_raw = held.job_id_raw
        AND attempt_parts.attempt = held.attempt
    WHERE attempt_parts.state IN ('FAILED', 'NODE_FAIL', 'PREEMPTED')
),

brought AS (
    SELECT
        preemption_chains.cluster,
        root_job_id_raw,
        root_attempt,
        count(*) AS preemptions,
        sum(lost.hours) AS hours,
        coalesce(sum(lost.hours) FILTER (WHERE depth = 1), 0) AS depth_1_hours,
        sum(lost.paper_gpu_hours) AS paper_gpu_hours
    FROM preemption_chains
    INNER JOIN lost
        ON preemption_chains.cluster = lost.cluster
        AND preemption_chains.job_id_raw = lost.job_id_raw
        AND preemption_chains.attempt = lost.attempt
    GROUP BY preemption_chains.cluster, root_job_id_raw, root_attempt
)

SELECT
    lost.to_micros / 1e6 AS ended_seconds,
    lost.hours AS first_hours,
    coalesce(brought.hours, 0e0) AS second_hours,
    coalesce(brought.depth_1_hours, 0e0) AS depth_1_hours,
    coalesce(brought.preemptions, 0) AS preemptions,
    lost.paper_gpu_hours AS paper_first_gpu_hours,
    coalesce(brought.paper_gpu_hours, 0e0) AS paper_second_gpu_hours
FROM lost
INNER JOIN attributions
    ON lost.cluster = attributions.cluster
    AND lost.job_id_raw = attributions.job_id_raw
    AND lost.attempt = attributions.attempt
    AND attributions.is_infrastructure
LEFT JOIN brought
    ON lost.cluster = brought.cluster AND lost.job_id_raw = brought.root_job_id_raw AND lost.attempt = brought.root_attempt
ORDER BY lost.cluster, lost.to_micros, lost.job_id_raw
