-- The goodput ledger, in hours of the unit, by bucket and by $by (day, job_size, user, partition, cause; else one group).
SELECT
    CASE $by
        WHEN 'day' THEN CAST(day AS VARCHAR)
        WHEN 'job_size' THEN job_size
        WHEN 'user' THEN goodput_ledger.user
        WHEN 'partition' THEN partition
        WHEN 'cause' THEN cause
        ELSE 'all'
    END AS group_name,
    bucket,
    sum(seconds) / 3.6e3 AS hours
FROM goodput_ledger
GROUP BY group_name, bucket
ORDER BY group_name, bucket
