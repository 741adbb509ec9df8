-- one row per node and UTC day: the part of it that the node was at risk of failing: up, or in an unknown state.
-- Where no node states were logged, failures show only while a job runs: the day counts with the node's share of time
-- in jobs.
WITH busy AS (
    SELECT cluster, node, sum(run_seconds) AS run_seconds
    FROM (SELECT cluster, unnest(nodes) AS node, run_seconds FROM attempts) AS ran
    GROUP BY cluster, node
),

observed AS (
    SELECT DISTINCT cluster FROM observation WHERE table_name = 'node_states'
),

total AS (
    SELECT cluster, node, sum(in_service_seconds) AS in_service_seconds FROM exposure GROUP BY cluster, node
)

SELECT
    exposure.cluster,
    exposure.node,
    exposure.day - DATE '1970-01-01' AS day_number,
    CASE
        WHEN observed.cluster IS NOT NULL THEN (exposure.up_seconds + exposure.unknown_seconds) / 8.64e4
        ELSE exposure.in_service_seconds / 8.64e4
        * least(1, coalesce(busy.run_seconds, 0) / greatest(1, total.in_service_seconds))
    END AS at_risk_days
FROM exposure
INNER JOIN total ON exposure.cluster = total.cluster AND exposure.node = total.node
LEFT JOIN observed ON exposure.cluster = observed.cluster
LEFT JOIN busy ON exposure.cluster = busy.cluster AND exposure.node = busy.node
ORDER BY exposure.cluster, exposure.node, day_number
