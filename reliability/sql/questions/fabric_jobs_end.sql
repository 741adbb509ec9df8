-- Until when the jobs of $cluster are known; no row where the log has none.
SELECT to_timestamp(last_micros / 1e6) AS at_utc
FROM observation
WHERE cluster = $cluster AND table_name = 'jobs'
