-- grain: group of nodes (parameters.group_by; empty: all nodes).
-- inputs: node_exposed, node_failed, exposure, observation, parameters.
-- Unplanned outages that began, per calendar in-service node-day, time down included. `unavailable_share` is the part
-- of it that was unplanned down time.
WITH exposed AS (
    SELECT group_name, sum(weight * (to_micros - from_micros)) / 8.64e10 AS exposure_days
    FROM node_exposed
    GROUP BY group_name
),

failed AS (
    SELECT group_name, count(*) AS failures FROM node_failed GROUP BY group_name
),

down AS (
    SELECT
        coalesce(
            CASE parameters.group_by
                WHEN '' THEN 'all'
                WHEN 'cluster' THEN exposure.cluster
                WHEN 'node' THEN exposure.node
                WHEN 'gpu_model' THEN exposure.gpu_model
                WHEN 'rack' THEN exposure.rack
                WHEN 'pod' THEN exposure.pod
                WHEN 'day' THEN CAST(exposure.day AS STRING)
                WHEN 'month' THEN substr(CAST(exposure.day AS STRING), 1, 7)
                WHEN 'quarter' THEN CONCAT(substr(CAST(exposure.day AS STRING), 1, 4), '-Q', CAST(quarter(exposure.day) AS STRING))
            END,
            'unknown'
        ) AS group_name,
        sum(exposure.down_unplanned_seconds) / sum(exposure.in_service_seconds) AS unavailable_share
    FROM exposure
    CROSS JOIN parameters
    INNER JOIN observation ON exposure.cluster = observation.cluster AND observation.table_name = 'node_states'
    GROUP BY 1
)

SELECT
    exposed.group_name,
    coalesce(failed.failures, 0) AS failures,
    exposed.exposure_days,
    down.unavailable_share
FROM exposed
CROSS JOIN parameters
LEFT JOIN failed ON exposed.group_name = failed.group_name
LEFT JOIN down ON exposed.group_name = down.group_name
WHERE parameters.group_by NOT IN ('component', 'symptom', 'domain')
UNION ALL
SELECT failed.group_name, failed.failures, exposed.exposure_days, CAST(NULL AS DOUBLE) AS unavailable_share
FROM failed
CROSS JOIN exposed
CROSS JOIN parameters
WHERE parameters.group_by IN ('component', 'symptom', 'domain')
