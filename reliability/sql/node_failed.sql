-- grain: unplanned outage of a node, in its group (parameters.group_by; empty: all).
-- inputs: node_failures, observation, periods, parameters.
-- What `node_exposed` is the exposure of.
SELECT
    coalesce(
        CASE parameters.group_by
            WHEN '' THEN 'all'
            WHEN 'cluster' THEN node_failures.cluster
            WHEN 'node' THEN node_failures.node
            WHEN 'gpu_model' THEN node_failures.gpu_model
            WHEN 'rack' THEN node_failures.rack
            WHEN 'pod' THEN node_failures.pod
            WHEN 'component' THEN node_failures.component
            WHEN 'symptom' THEN node_failures.symptom
            WHEN 'domain' THEN node_failures.domain
            ELSE periods.period
        END,
        'unknown'
    ) AS group_name,
    node_failures.cluster,
    node_failures.node AS unit,
    unix_micros(node_failures.from_utc) AS at_micros
FROM node_failures
INNER JOIN observation ON node_failures.cluster = observation.cluster AND observation.table_name = 'node_states'
CROSS JOIN parameters
INNER JOIN periods
    ON unix_micros(node_failures.from_utc) >= periods.from_micros AND unix_micros(node_failures.from_utc) < periods.to_micros
