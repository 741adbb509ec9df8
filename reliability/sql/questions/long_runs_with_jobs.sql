-- Runs that were watched from their begin to their end and held $least_gpus GPUs or more for at least
-- $least_seconds, with the jobs they consist of.
SELECT
    runs.cluster,
    runs.run_id,
    runs.gpu_count,
    runs.productive_seconds,
    runs.queue_seconds + runs.scheduled_seconds AS wall_seconds,
    members.jobs
FROM runs
INNER JOIN (
    SELECT cluster, run_id, list(DISTINCT job_id_raw) AS jobs
    FROM run_members
    GROUP BY cluster, run_id
) AS members
    ON runs.cluster = members.cluster AND runs.run_id = members.run_id
WHERE runs.whole AND runs.gpu_count >= $least_gpus AND runs.scheduled_seconds >= $least_seconds
ORDER BY runs.cluster, runs.run_id
