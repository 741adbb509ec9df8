-- grain: period of time that parameters.group_by names: a day, month or quarter of the observation; else one row.
-- inputs: observation, parameters.
-- What splits exposure and failures by time, at midnight of parameters.calendar_zone. The one row of any other grouping
-- holds the whole observation.
WITH bounds AS (
    SELECT min(from_micros) AS from_micros, max(to_micros) AS to_micros FROM observation
),

days AS (
    -- a day more at both ends: it is another day already, or still, elsewhere
    SELECT
        explode(
            sequence(CAST(floor(from_micros / 8.64e10) AS BIGINT) - 1, CAST(floor(to_micros / 8.64e10) AS BIGINT) + 1)
        ) AS day_number
    FROM bounds
    WHERE from_micros IS NOT NULL
),

named AS (
    SELECT
        days.day_number,
        parameters.calendar_zone,
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
    unix_micros(
        to_utc_timestamp(CAST(date_from_unix_date(min(day_number)) AS TIMESTAMP), max(calendar_zone))
    ) AS from_micros,
    unix_micros(
        to_utc_timestamp(CAST(date_from_unix_date(max(day_number) + 1) AS TIMESTAMP), max(calendar_zone))
    ) AS to_micros
FROM named
GROUP BY period
