-- one row per cluster and table: the time its logs cover.
SELECT
    cluster,
    table_name,
    timestamp_micros(from_micros) AS from_utc,
    timestamp_micros(to_micros) AS to_utc,
    (to_micros - from_micros) / 8.64e10 AS observed_days
FROM observation
ORDER BY cluster, table_name
