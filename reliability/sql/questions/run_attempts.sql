-- one row per attempt of the run that $run names (its run id, or a job id of it), in order, with where its time went.
WITH asked AS (
    SELECT cluster, run_id FROM attempt_parts WHERE $run IN (run_id, job_id_raw, job_id)
    ORDER BY cluster, from_micros
    LIMIT 1
)

SELECT
    attempt_parts.cluster,
    attempt_parts.run_id,
    attempt_parts.job_id,
    attempt_parts.attempt,
    run_members.chained_by,
    attempt_parts.job_name,
    attempt_parts.user,
    attempt_parts.qos,
    attempt_parts.state,
    attempt_parts.ended,
    attempt_parts.node_count,
    attempt_parts.gpu_count,
    attempt_parts.from_micros,
    attempt_parts.to_micros,
    timestamp_micros(attempt_parts.from_micros) AS from_utc,
    timestamp_micros(attempt_parts.to_micros) AS to_utc,
    coalesce(attributions.is_infrastructure, FALSE) AS is_infrastructure,
    attributions.cause,
    attempt_parts.checkpoint_source,
    queue_seconds,
    attempt_parts.run_seconds,
    restart_seconds,
    productive_seconds,
    checkpoint_seconds,
    lost_seconds
FROM attempt_parts
INNER JOIN asked ON attempt_parts.cluster = asked.cluster AND attempt_parts.run_id = asked.run_id
INNER JOIN run_members
    ON attempt_parts.cluster = run_members.cluster
    AND attempt_parts.job_id_raw = run_members.job_id_raw
    AND attempt_parts.attempt = run_members.attempt
LEFT JOIN attributions
    ON attempt_parts.cluster = attributions.cluster
    AND attempt_parts.job_id_raw = attributions.job_id_raw
    AND attempt_parts.attempt = attributions.attempt
ORDER BY attempt_parts.from_micros, attempt_parts.attempt
