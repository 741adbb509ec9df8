-- one row per run that lasted at least $min_hours on more than $min_gpus GPUs (0: on any): what an ETTR of many is of.
SELECT
    coalesce(gpu_count, 0) AS gpu_count,
    coalesce(node_count, 0) AS node_count,
    checkpoint_source,
    whole,
    least(productive_seconds, queue_seconds + scheduled_seconds) AS productive_seconds,
    queue_seconds + scheduled_seconds AS wall_seconds
FROM runs
WHERE
    scheduled_seconds >= $min_hours * 3.6e3
    AND scheduled_seconds + queue_seconds > 0
    AND ($min_gpus = 0 OR gpu_count > $min_gpus)
    AND ($qos IS NULL OR qos = $qos)
ORDER BY cluster, run_id
