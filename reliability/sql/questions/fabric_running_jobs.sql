-- One row per attempt of $cluster that runs at $at, with its nodes.
SELECT job_id, job_id_raw, attempt, user, start_utc, gpu_count, node_count, nodes
FROM jobs
WHERE
    cluster = $cluster
    AND start_utc <= CAST($at AS TIMESTAMPTZ)
    AND (end_utc > CAST($at AS TIMESTAMPTZ) OR (end_utc IS NULL AND state IN ('RUNNING', 'COMPLETING')))
ORDER BY gpu_count DESC NULLS LAST, job_id
