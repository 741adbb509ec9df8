-- Runs that nothing but the infrastructure interrupted, watched from begin to end, that completed on more than $min_gpus
-- GPUs and held their nodes for at least $least_seconds; and how many such long runs there are in all.
WITH long_runs AS (
    SELECT * FROM runs WHERE whole AND gpu_count > $min_gpus AND scheduled_seconds >= $least_seconds
)

SELECT
    cluster,
    run_id,
    node_count,
    gpu_count,
    infrastructure_failures,
    scheduled_seconds,
    productive_seconds,
    lost_seconds,
    checkpoint_seconds,
    checkpoint_source,
    (SELECT count(*) FROM long_runs) AS long_runs
FROM long_runs
WHERE state = 'COMPLETED' AND preemptions = 0 AND attempt_count = infrastructure_failures + 1 AND productive_seconds > 0
ORDER BY cluster, run_id
