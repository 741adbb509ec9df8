-- one row per attempt that ended FAILED or NODE_FAIL, the infrastructure's first, of each kind the latest first; $most rows.
SELECT
    attributions.cluster,
    attributions.job_id,
    attributions.attempt,
    attempts.job_name,
    attributions.user,
    attributions.state,
    attributions.end_utc AS failed_utc,
    attributions.node_count,
    attributions.gpu_count,
    attributions.run_seconds / 3.6e3 AS run_hours,
    attributions.is_infrastructure,
    attributions.cause,
    attributions.domain,
    attributions.node,
    attributions.code,
    attributions.message,
    attributions.evidence_count,
    attributions.lost_gpu_hours
FROM attributions
INNER JOIN attempts
    ON attributions.cluster = attempts.cluster
    AND attributions.job_id_raw = attempts.job_id_raw
    AND attributions.attempt = attempts.attempt
CROSS JOIN parameters
WHERE parameters.min_gpus = 0 OR attributions.gpu_count > parameters.min_gpus
ORDER BY attributions.is_infrastructure DESC, attributions.end_utc DESC, attributions.job_id
LIMIT $most
