-- grain: cluster and UTC day: what a chart over time draws.
-- inputs: exposure, node_failures.
-- Node-days by state, and the unplanned outages that began.
WITH days AS (
    SELECT
        cluster,
        day,
        sum(in_service_seconds) / 8.64e4 AS in_service_node_days,
        sum(up_seconds) / 8.64e4 AS up_node_days,
        sum(drain_seconds) / 8.64e4 AS drain_node_days,
        sum(down_planned_seconds) / 8.64e4 AS down_planned_node_days,
        sum(down_unplanned_seconds) / 8.64e4 AS down_unplanned_node_days
    FROM exposure
    GROUP BY cluster, day
),

failed AS (
    SELECT cluster, day_number, count(*) AS failures FROM node_failures GROUP BY cluster, day_number
)

SELECT
    days.cluster,
    days.day,
    days.in_service_node_days,
    days.up_node_days,
    days.drain_node_days,
    days.down_planned_node_days,
    days.down_unplanned_node_days,
    coalesce(failed.failures, 0) AS failures
FROM days
LEFT JOIN failed ON days.cluster = failed.cluster AND days.day = date_from_unix_date(failed.day_number)
