-- one row per attempt that ended FAILED: what its certainty is made of.
SELECT
    attributions.job_id_raw,
    attempts.submit_utc,
    attributions.state,
    attributions.user,
    attributions.node_count,
    attributions.run_seconds / 3.6e3 AS run_hours,
    coalesce(attempts.step_out_of_memory, FALSE) AS step_out_of_memory,
    attributions.evidence_count,
    attributions.cause,
    attributions.is_infrastructure,
    attributions.code,
    attributions.node,
    attributions.seconds_after_end
FROM attributions
INNER JOIN attempts
    ON attributions.cluster = attempts.cluster
    AND attributions.job_id_raw = attempts.job_id_raw
    AND attributions.attempt = attempts.attempt
WHERE attributions.state = 'FAILED'
