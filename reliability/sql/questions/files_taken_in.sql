-- one row per file.
SELECT path, format, cluster, ingested_utc, rows_read, rows_used, rows_rejected, rows_dropped, warnings
FROM ingests
ORDER BY ingested_utc, path
