-- one row per attempt of the job named (as sacct prints it, or its raw id), with the verdict.
SELECT
    attempts.cluster,
    attempts.job_id,
    attempts.job_id_raw,
    attempts.attempt,
    attempts.state,
    attempts.start_utc,
    attempts.end_utc,
    attempts.user,
    attempts.run_seconds / 3.6e3 AS run_hours,
    coalesce(attempts.step_out_of_memory, FALSE) AS step_out_of_memory,
    attempts.node_count,
    attempts.gpu_count,
    attempts.nodes,
    coalesce(attributions.is_infrastructure, FALSE) AS is_infrastructure,
    attributions.cause,
    coalesce(attributions.evidence_count, 0) AS evidence_count,
    attributions.code,
    attributions.node,
    attributions.seconds_after_end,
    attributions.lost_gpu_hours
FROM attempts
LEFT JOIN attributions
    ON attempts.cluster = attributions.cluster
    AND attempts.job_id_raw = attributions.job_id_raw
    AND attempts.attempt = attributions.attempt
WHERE attempts.job_id = $job_id OR attempts.job_id_raw = $job_id
ORDER BY attempts.cluster, attempts.job_id_raw, attempts.attempt
