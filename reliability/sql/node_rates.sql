-- grain: group of nodes (parameters.group_by; empty: all nodes).
-- inputs: exposure, node_failures, observation, parameters.
-- Failures: unplanned outages that began. Exposure: calendar in-service node-days, time down included,
-- of clusters whose node states were logged: without them nobody knows that a node was up.
-- A group that a failure has and a node has not (component, symptom, domain) is set against the whole exposure.
WITH exposed AS (
    SELECT
        CASE parameters.group_by
            WHEN '' THEN 'all'
            WHEN 'cluster' THEN exposure.cluster
            WHEN 'node' THEN exposure.node
            WHEN 'gpu_model' THEN exposure.gpu_model
            WHEN 'rack' THEN exposure.rack
            WHEN 'pod' THEN exposure.pod
            WHEN 'month' THEN substr(CAST(exposure.day AS STRING), 1, 7)
            WHEN 'day' THEN CAST(exposure.day AS STRING)
            ELSE 'whole'
        END AS group_name,
        sum(exposure.in_service_seconds) / 8.64e4 AS exposure_days,
        sum(exposure.down_unplanned_seconds) / sum(exposure.in_service_seconds) AS unavailable_share
    FROM exposure
    CROSS JOIN parameters
    INNER JOIN observation ON exposure.cluster = observation.cluster AND observation.table_name = 'node_states'
    GROUP BY 1
),

failed AS (
    SELECT
        coalesce(
            CASE parameters.group_by
                WHEN '' THEN 'all'
                WHEN 'cluster' THEN node_failures.cluster
                WHEN 'node' THEN node_failures.node
                WHEN 'gpu_model' THEN node_failures.gpu_model
                WHEN 'rack' THEN node_failures.rack
                WHEN 'pod' THEN node_failures.pod
                WHEN 'month' THEN substr(CAST(date_from_unix_date(node_failures.day_number) AS STRING), 1, 7)
                WHEN 'day' THEN CAST(date_from_unix_date(node_failures.day_number) AS STRING)
                WHEN 'component' THEN node_failures.component
                WHEN 'symptom' THEN node_failures.symptom
                WHEN 'domain' THEN node_failures.domain
            END,
            'unknown'
        ) AS group_name,
        count(*) AS failures
    FROM node_failures CROSS JOIN parameters
    GROUP BY 1
)

SELECT
    coalesce(exposed.group_name, 'unknown') AS group_name,
    coalesce(failed.failures, 0) AS failures,
    exposed.exposure_days,
    exposed.unavailable_share
FROM exposed
CROSS JOIN parameters
LEFT JOIN failed ON coalesce(exposed.group_name, 'unknown') = failed.group_name
WHERE parameters.group_by NOT IN ('component', 'symptom', 'domain')
UNION ALL
SELECT failed.group_name, failed.failures, exposed.exposure_days, CAST(NULL AS DOUBLE) AS unavailable_share
FROM failed
CROSS JOIN exposed
CROSS JOIN parameters
WHERE parameters.group_by IN ('component', 'symptom', 'domain')
