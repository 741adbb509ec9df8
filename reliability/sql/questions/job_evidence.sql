-- one row per attempt, node and kind of sign around the end of the job named: a burst of a thousand lines is one row.
SELECT
    evidence.cluster,
    evidence.job_id_raw,
    evidence.attempt,
    evidence.node,
    min(evidence.time_utc) AS time_utc,
    min(evidence.seconds_after_end) AS seconds_after_end,
    count(*) AS lines,
    evidence.symptom,
    evidence.domain,
    evidence.code,
    evidence.slot,
    evidence.found_in,
    min_by(evidence.message, evidence.time_utc) AS message
FROM evidence
INNER JOIN attempts
    ON evidence.cluster = attempts.cluster
    AND evidence.job_id_raw = attempts.job_id_raw
    AND evidence.attempt = attempts.attempt
WHERE attempts.job_id = $job_id OR attempts.job_id_raw = $job_id
GROUP BY
    evidence.cluster,
    evidence.job_id_raw,
    evidence.attempt,
    evidence.node,
    evidence.symptom,
    evidence.domain,
    evidence.code,
    evidence.slot,
    evidence.found_in
ORDER BY time_utc, evidence.node, evidence.code
