-- one row per sign of trouble around the end of the job named.
SELECT evidence.*
FROM evidence
INNER JOIN attempts
    ON evidence.cluster = attempts.cluster
    AND evidence.job_id_raw = attempts.job_id_raw
    AND evidence.attempt = attempts.attempt
WHERE attempts.job_id = $job_id OR attempts.job_id_raw = $job_id
ORDER BY evidence.time_utc, evidence.node
