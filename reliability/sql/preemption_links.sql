-- grain: attempt that was preempted by a job that had run before.
-- inputs: attempts, attributions.
-- What the preempting job (`preempted_by`) came back from: its last attempt that had ended before the preemption. The
-- cause is that attempt's if the infrastructure ended it, else null.
WITH preempted AS (
    SELECT cluster, job_id_raw, attempt, preempted_by, end_micros
    FROM attempts
    WHERE ended AND state = 'PREEMPTED' AND preempted_by IS NOT NULL
),

-- A job cannot fall and come back within one moment: strictly before, so that no chain bites its tail.
came_back AS (
    SELECT
        preempted.cluster,
        preempted.job_id_raw,
        preempted.attempt,
        preempted.preempted_by AS by_job_id_raw,
        max_by(attempts.attempt, attempts.end_micros) AS by_attempt
    FROM preempted
    INNER JOIN attempts ON preempted.cluster = attempts.cluster AND preempted.preempted_by = attempts.job_id_raw
    WHERE attempts.end_micros < preempted.end_micros
    GROUP BY preempted.cluster, preempted.job_id_raw, preempted.attempt, preempted.preempted_by
)

SELECT
    came_back.cluster,
    came_back.job_id_raw,
    came_back.attempt,
    came_back.by_job_id_raw,
    came_back.by_attempt,
    attributions.cause
FROM came_back
LEFT JOIN attributions
    ON came_back.cluster = attributions.cluster
    AND came_back.by_job_id_raw = attributions.job_id_raw
    AND came_back.by_attempt = attributions.attempt
    AND attributions.is_infrastructure
