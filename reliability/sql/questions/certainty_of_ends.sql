-- one row per user and size in nodes: attempts that ended, how they failed, and their run time.
SELECT
    attempts.user,
    attempts.node_count,
    count(*) AS attempts,
    sum(attempts.run_seconds * attempts.node_count) / 3.6e3 AS node_hours,
    count(*) FILTER (WHERE attributions.state = 'FAILED') AS failed,
    count(*) FILTER (WHERE attributions.state = 'FAILED' AND attributions.is_infrastructure) AS failed_with_sign,
    count(*) FILTER (WHERE attributions.state = 'NODE_FAIL') AS node_fails,
    count(*) FILTER (WHERE attributions.state = 'NODE_FAIL' AND attributions.evidence_count > 0) AS node_fails_with_sign
FROM attempts
LEFT JOIN attributions
    ON attempts.cluster = attributions.cluster
    AND attempts.job_id_raw = attributions.job_id_raw
    AND attempts.attempt = attributions.attempt
WHERE attempts.ended AND attempts.node_count IS NOT NULL
GROUP BY attempts.user, attempts.node_count
