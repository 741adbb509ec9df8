-- grain: group of nodes (parameters.group_by; empty: all) and stretch of time of a node in the fleet.
-- inputs: fleet, observation, periods, parameters.
-- Calendar in-service time, time down included, of clusters whose node states were logged: without them nobody knows
-- that a node was up. `weight` is how many units are at risk: exposure = weight × (to - from). A group that a failure
-- has and a node has not (component, symptom, domain) is set against the whole exposure.
WITH cut AS (
    SELECT
        fleet.*,
        periods.period,
        greatest(fleet.from_micros, periods.from_micros) AS at_risk_from_micros,
        least(fleet.to_micros, periods.to_micros) AS at_risk_to_micros
    FROM fleet
    INNER JOIN observation ON fleet.cluster = observation.cluster AND observation.table_name = 'node_states'
    CROSS JOIN periods
)

SELECT
    coalesce(
        CASE parameters.group_by
            WHEN '' THEN 'all'
            WHEN 'cluster' THEN cut.cluster
            WHEN 'node' THEN cut.node
            WHEN 'gpu_model' THEN cut.gpu_model
            WHEN 'rack' THEN cut.rack
            WHEN 'pod' THEN cut.pod
            ELSE cut.period
        END,
        'unknown'
    ) AS group_name,
    cut.cluster,
    cut.node AS unit,
    cut.at_risk_from_micros AS from_micros,
    cut.at_risk_to_micros AS to_micros,
    1e0 AS weight
FROM cut CROSS JOIN parameters
WHERE cut.at_risk_from_micros < cut.at_risk_to_micros
