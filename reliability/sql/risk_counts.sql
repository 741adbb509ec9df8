-- grain: group of units and moment of their clock at which one enters late or leaves observation.
-- inputs: grouped_lives.
-- At risk at t: entered before t and not left before t (delayed entry: entry < t <= exit). Only these counts reach
-- the estimator, so a hundred million lives cost no more than their distinct times. Rows stand also where somebody only
-- enters, so that tables can be merged and exposure measured. Those who moved in earlier hours of the clock are added
-- up by hour: no window then holds more than one hour of one group, and what does not fit in memory can be spilled.
WITH moves AS (
    SELECT group_name, exit_hours AS time_hours, 0 AS entries, lives AS exits, CASE WHEN observed THEN lives ELSE 0 END AS events
    FROM grouped_lives
    UNION ALL
    SELECT group_name, entry_hours AS time_hours, lives AS entries, 0 AS exits, 0 AS events
    FROM grouped_lives
),

hourly AS (
    SELECT
        group_name,
        CAST(floor(time_hours) AS BIGINT) AS hour_number,
        sum(entries) AS entries,
        sum(exits) AS exits
    FROM moves
    GROUP BY group_name, CAST(floor(time_hours) AS BIGINT)
),

earlier AS (
    SELECT
        group_name,
        hour_number,
        sum(entries) OVER (PARTITION BY group_name ORDER BY hour_number) - entries AS entered,
        sum(exits) OVER (PARTITION BY group_name ORDER BY hour_number) - exits AS gone
    FROM hourly
),

moments AS (
    SELECT
        group_name,
        time_hours,
        CAST(floor(time_hours) AS BIGINT) AS hour_number,
        sum(entries) AS entries,
        sum(exits) AS exits,
        sum(events) AS events
    FROM moves
    GROUP BY group_name, time_hours
),

running AS (
    SELECT
        group_name,
        hour_number,
        time_hours,
        entries,
        exits,
        events,
        sum(entries) OVER (PARTITION BY group_name, hour_number ORDER BY time_hours) - entries AS entered,
        sum(exits) OVER (PARTITION BY group_name, hour_number ORDER BY time_hours) - exits AS gone
    FROM moments
)

SELECT
    running.group_name,
    running.time_hours,
    CAST(earlier.entered + running.entered - earlier.gone - running.gone AS BIGINT) AS at_risk,
    CAST(running.events AS BIGINT) AS events,
    CAST(running.exits - running.events AS BIGINT) AS censored
FROM running
INNER JOIN earlier ON running.group_name = earlier.group_name AND running.hour_number = earlier.hour_number
WHERE running.exits > 0 OR (running.entries > 0 AND running.time_hours > 0)
