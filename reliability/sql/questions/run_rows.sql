-- one row per run that lasted at least $min_hours on more than $min_gpus GPUs (0: on any), the largest first.
-- ml_goodput: Google's definition (models/goodput/badput.py), productive time over that from the first start to the end.
SELECT
    runs.*,
    productive_seconds / greatest(epoch(end_utc - start_utc), scheduled_seconds) AS ml_goodput
FROM runs
WHERE
    scheduled_seconds >= $min_hours * 3.6e3
    AND scheduled_seconds + queue_seconds > 0
    AND ($min_gpus = 0 OR gpu_count > $min_gpus)
    AND ($qos IS NULL OR qos = $qos)
ORDER BY coalesce(gpu_count, 0) DESC, scheduled_seconds DESC, cluster, run_id
LIMIT $most
