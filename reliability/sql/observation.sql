-- grain: cluster and table: the time over which the logs are a complete record of that table.
-- inputs: ingests, parameters.
-- From the first to the last moment any ingested file covers, cut to the window asked for. Two files with a silent
-- stretch between them count as one window: ingest the missing file, or ask for the windows one by one.
-- last_micros is the last moment whose failures count: a log's own end belongs to it (a log ends with a record), the end
-- of a window does not (half-open), so that a failure at the border of two windows counts in one of them.
WITH covered AS (
    SELECT
        cluster,
        explode(covers) AS table_name,
        unix_micros(observed_from_utc) AS from_micros,
        unix_micros(observed_to_utc) AS to_micros
    FROM ingests
    WHERE observed_from_utc IS NOT NULL AND observed_to_utc IS NOT NULL
),

whole AS (
    SELECT cluster, table_name, min(from_micros) AS from_micros, max(to_micros) AS to_micros
    FROM covered
    GROUP BY cluster, table_name
),

cut AS (
    SELECT
        whole.cluster,
        whole.table_name,
        greatest(whole.from_micros, coalesce(parameters.window_from_micros, whole.from_micros)) AS from_micros,
        least(whole.to_micros, coalesce(parameters.window_to_micros, whole.to_micros)) AS to_micros,
        least(whole.to_micros, coalesce(parameters.window_to_micros - 1, whole.to_micros)) AS last_micros
    FROM whole CROSS JOIN parameters
)

SELECT cluster, table_name, from_micros, to_micros, last_micros
FROM cut
WHERE from_micros < to_micros
