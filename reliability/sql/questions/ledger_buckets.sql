-- The goodput ledger summed over all days and groups: GPU-seconds by bucket.
SELECT bucket, sum(seconds) AS gpu_seconds
FROM goodput_ledger
GROUP BY bucket
ORDER BY bucket
