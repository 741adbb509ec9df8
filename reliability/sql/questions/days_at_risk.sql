-- days_at_risk
-- one row per group and UTC day from the first to the last at risk: unit-days at risk and failures.
-- With S0 the weight that has entered and not left, and S1 the sum of weight × moment of the changes, the exposure up to
-- a moment T is T × S0 - S1: one pass over the changes, however long each unit stays.
WITH changes AS (
    SELECT group_name, from_micros AS at_micros, weight FROM exposed
    UNION ALL
    SELECT group_name, to_micros AS at_micros, -weight FROM exposed
),

by_day AS (
    SELECT
        group_name,
        CAST(floor(at_micros / 8.64e10) AS BIGINT) AS day_number,
        sum(weight) AS entered,
        -- days into the day, so that the sums stay small
        sum(weight * (at_micros / 8.64e10 - floor(at_micros / 8.64e10))) AS entered_late
    FROM changes
    GROUP BY ALL
),

calendar AS (
    SELECT group_name, unnest(range(min(day_number), max(day_number) + 1)) AS day_number
    FROM by_day
    GROUP BY group_name
),

running AS (
    SELECT
        calendar.group_name,
        calendar.day_number,
        coalesce(by_day.entered_late, 0) AS entered_late,
        sum(coalesce(by_day.entered, 0)) OVER (
            PARTITION BY calendar.group_name ORDER BY calendar.day_number
        ) AS entered
    FROM calendar LEFT JOIN by_day USING (group_name, day_number)
),

counted AS (
    SELECT group_name, CAST(floor(at_micros / 8.64e10) AS BIGINT) AS day_number, count(*) AS failures
    FROM failed
    GROUP BY ALL
)

SELECT
    running.group_name,
    running.day_number,
    -- whoever is in at the day's end was in all day, but for what entered during it; a leaver leaves its part of the day
    greatest(running.entered - running.entered_late, 0) AS exposure_days,
    coalesce(counted.failures, 0) AS failures
FROM running LEFT JOIN counted USING (group_name, day_number)
ORDER BY running.group_name, running.day_number
