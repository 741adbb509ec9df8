-- grain: cause of a failure, and whether it was counted over attempts or over nodes.
-- inputs: attributions, attempts, node_failures, exposure, observation, parameters.
-- Attempts (with more than parameters.min_gpus GPUs, if set): verdicts of `attributions`, exposure in node-days of run
-- time. Nodes: unplanned outages by the component their reason names, exposure in calendar in-service node-days. Both
-- are given; a caller shows the attempts where there are any.
WITH run_time AS (
    SELECT sum(attempts.run_seconds * attempts.node_count) / 8.64e4 AS exposure_days
    FROM attempts CROSS JOIN parameters
    WHERE parameters.min_gpus = 0 OR attempts.gpu_count > parameters.min_gpus
),

service_time AS (
    SELECT sum(exposure.in_service_seconds) / 8.64e4 AS exposure_days
    FROM exposure
    INNER JOIN observation ON exposure.cluster = observation.cluster AND observation.table_name = 'node_states'
),

by_attempt AS (
    SELECT
        'attempt' AS counted,
        attributions.cause,
        attributions.domain,
        attributions.is_infrastructure,
        count(*) AS failures,
        sum(attributions.lost_gpu_hours) AS lost_gpu_hours
    FROM attributions CROSS JOIN parameters
    WHERE parameters.min_gpus = 0 OR attributions.gpu_count > parameters.min_gpus
    GROUP BY attributions.cause, attributions.domain, attributions.is_infrastructure
),

by_node AS (
    SELECT
        'node' AS counted,
        CASE WHEN component = 'node' AND symptom = 'node_unresponsive' THEN 'unattributed' ELSE component END AS cause,
        domain,
        domain <> 'user_program' AS is_infrastructure,
        count(*) AS failures,
        CAST(NULL AS DOUBLE) AS lost_gpu_hours
    FROM node_failures
    GROUP BY 2, 3, 4
)

SELECT by_attempt.*, run_time.exposure_days FROM by_attempt CROSS JOIN run_time
UNION ALL
SELECT by_node.*, service_time.exposure_days FROM by_node CROSS JOIN service_time
