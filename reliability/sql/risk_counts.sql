-- grain: group of units and moment of their clock at which one enters or leaves observation.
-- inputs: grouped_lives.
-- At risk at t: entered before t and not left before t (delayed entry: entry < t <= exit). Only these counts reach
-- the estimator, so a hundred million lives cost no more than their distinct times.
WITH moves AS (
    SELECT group_name, exit_hours AS time_hours, 0 AS entries, lives AS exits, CASE WHEN observed THEN lives ELSE 0 END AS events
    FROM grouped_lives
    UNION ALL
    SELECT group_name, entry_hours AS time_hours, lives AS entries, 0 AS exits, 0 AS events
    FROM grouped_lives
),

moments AS (
    SELECT group_name, time_hours, sum(entries) AS entries, sum(exits) AS exits, sum(events) AS events
    FROM moves
    GROUP BY group_name, time_hours
),

running AS (
    SELECT
        group_name,
        time_hours,
        exits,
        events,
        sum(entries) OVER (PARTITION BY group_name ORDER BY time_hours) - entries AS entered_before,
        sum(exits) OVER (PARTITION BY group_name ORDER BY time_hours) - exits AS left_before
    FROM moments
)

SELECT
    group_name,
    time_hours,
    CAST(entered_before - left_before AS BIGINT) AS at_risk,
    CAST(events AS BIGINT) AS events,
    CAST(exits - events AS BIGINT) AS censored
FROM running
WHERE exits > 0
