-- grain: period of time that parameters.group_by names: a day, month or quarter (UTC) of the observation; else one row.
-- inputs: observation, parameters.
-- What splits exposure and failures by time. The one row of any other grouping holds the whole observation.
WITH bounds AS (
    SELECT min(from_micros) AS from_micros, max(to_micros) AS to_micros FROM observation
),

days AS (
    SELECT explode(sequence(CAST(floor(from_micros / 8.64e10) AS BIGINT), CAST(floor(to_micros / 8.64e10) AS BIGINT))) AS day_number
    FROM bounds
    WHERE from_micros IS NOT NULL
),

named AS (
    SELECT
        days.day_number,
        CASE parameters.group_by
            WHEN 'day' THEN CAST(date_from_unix_date(days.day_number) AS STRING)
            WHEN 'month' THEN substr(CAST(date_from_unix_date(days.day_number) AS STRING), 1, 7)
            WHEN 'quarter' THEN CONCAT(
                substr(CAST(date_from_unix_date(days.day_number) AS STRING), 1, 4),
                '-Q',
                CAST(quarter(date_from_unix_date(days.day_number)) AS STRING)
            )
            ELSE 'all'
        END AS period
    FROM days CROSS JOIN parameters
)

SELECT
    period,
    CAST(min(day_number) AS BIGINT) * 86400000000 AS from_micros,
    (CAST(max(day_number) AS BIGINT) + 1) * 86400000000 AS to_micros
FROM named
GROUP BY period
