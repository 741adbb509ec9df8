-- one row per ended attempt with at least $min_gpus GPUs: how long it ran, whether the infrastructure ended it, and the
-- node that did, where one is known.
SELECT
    attempts.cluster,
    attempts.start_utc,
    attempts.end_utc,
    attempts.run_seconds / 3.6e3 AS run_hours,
    attempts.gpu_count,
    coalesce(attributions.is_infrastructure, FALSE) AS is_infrastructure,
    coalesce(attempts.failed_node, attributions.node) AS node
FROM attempts
LEFT JOIN attributions
    ON attempts.cluster = attributions.cluster
    AND attempts.job_id_raw = attributions.job_id_raw
    AND attempts.attempt = attributions.attempt
WHERE attempts.ended AND attempts.gpu_count >= $min_gpus AND attempts.state <> 'CANCELLED'
ORDER BY attempts.cluster, attempts.start_utc
