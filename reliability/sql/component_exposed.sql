-- grain: group of components of one kind (parameters.component, parameters.group_by; empty: all) and stretch of time in
-- service.
-- inputs: component_stays, fleet, observation, periods, parameters.
-- Exposure = weight × (to - from). Where an inventory exists (`components`): one stay of a component, its weight the
-- share of the stay in service. Without one: a node in the fleet, its weight its GPUs for `gpu`, else 1, because nobody
-- told how many there are. `unit_kind` says which. A group that a failure has and a component has not (symptom, code) is
-- set against the whole exposure. `attributes` are those of the stay.
WITH inventoried AS (
    SELECT
        CASE parameters.group_by
            WHEN '' THEN 'all'
            WHEN 'cluster' THEN component_stays.cluster
            WHEN 'symptom' THEN 'whole'
            WHEN 'day' THEN periods.period
            WHEN 'month' THEN periods.period
            WHEN 'quarter' THEN periods.period
            ELSE coalesce(component_stays.attributes[parameters.group_by], 'unknown')
        END AS group_name,
        component_stays.cluster,
        component_stays.component_id AS unit,
        'component' AS unit_kind,
        greatest(component_stays.installed_micros, component_stays.observed_from_micros, periods.from_micros) AS from_micros,
        least(component_stays.removed_micros, component_stays.observed_to_micros, periods.to_micros) AS to_micros,
        CASE
            WHEN component_stays.removed_micros > component_stays.installed_micros
                THEN component_stays.service_seconds * 1e6 / (component_stays.removed_micros - component_stays.installed_micros)
            ELSE 0e0
        END AS weight,
        component_stays.attributes
    FROM component_stays
    CROSS JOIN parameters
    CROSS JOIN periods
),

on_nodes AS (
    SELECT
        CASE parameters.group_by
            WHEN '' THEN 'all'
            WHEN 'cluster' THEN fleet.cluster
            WHEN 'node' THEN fleet.node
            WHEN 'gpu_model' THEN coalesce(fleet.gpu_model, 'unknown')
            WHEN 'rack' THEN coalesce(fleet.rack, 'unknown')
            WHEN 'pod' THEN coalesce(fleet.pod, 'unknown')
            WHEN 'symptom' THEN 'whole'
            WHEN 'code' THEN 'whole'
            WHEN 'day' THEN periods.period
            WHEN 'month' THEN periods.period
            WHEN 'quarter' THEN periods.period
            ELSE 'unknown'
        END AS group_name,
        fleet.cluster,
        fleet.node AS unit,
        CASE WHEN parameters.component = 'gpu' THEN 'component' ELSE 'node' END AS unit_kind,
        greatest(fleet.from_micros, observation.from_micros, periods.from_micros) AS from_micros,
        least(fleet.to_micros, observation.to_micros, periods.to_micros) AS to_micros,
        CAST(CASE WHEN parameters.component = 'gpu' THEN fleet.gpu_count ELSE 1 END AS DOUBLE) AS weight
    FROM fleet
    CROSS JOIN parameters
    CROSS JOIN periods
    INNER JOIN observation ON fleet.cluster = observation.cluster AND observation.table_name = 'events'
    LEFT JOIN (SELECT DISTINCT cluster FROM component_stays) AS with_inventory ON fleet.cluster = with_inventory.cluster
    WHERE with_inventory.cluster IS NULL
)

SELECT group_name, cluster, unit, unit_kind, from_micros, to_micros, weight, attributes
FROM inventoried
WHERE from_micros <= to_micros
UNION ALL
SELECT group_name, cluster, unit, unit_kind, from_micros, to_micros, weight, NULL AS attributes
FROM on_nodes
WHERE from_micros < to_micros
