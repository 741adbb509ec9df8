-- grain: group of components of one kind (parameters.component, parameters.group_by; empty: all) and stretch of time in
-- service.
-- inputs: components, fleet, observation, periods, parameters.
-- Exposure = weight × (to - from). Where an inventory exists (`components`): one stay of a component, its weight the
-- share of the stay in service. Without one: a node in the fleet, its weight its GPUs for `gpu`, else 1, because nobody
-- told how many there are. `unit_kind` says which. A group that a failure has and a component has not (symptom, code) is
-- set against the whole exposure. `attributes` are those of the stay.
WITH stays AS (
    SELECT
        components.cluster,
        components.component_id,
        components.attributes,
        unix_micros(components.installed_utc) AS installed_micros,
        unix_micros(components.removed_utc) AS removed_micros,
        components.service_seconds,
        observation.from_micros AS observed_from_micros,
        observation.to_micros AS observed_to_micros
    FROM components
    CROSS JOIN parameters
    INNER JOIN observation ON components.cluster = observation.cluster AND observation.table_name = 'components'
    WHERE
        components.component = parameters.component
        AND components.installed_utc IS NOT NULL
        AND (
            parameters.where_attribute = ''
            OR components.attributes[parameters.where_attribute] = parameters.where_value
        )
),

inventoried AS (
    SELECT
        CASE parameters.group_by
            WHEN '' THEN 'all'
            WHEN 'cluster' THEN stays.cluster
            WHEN 'symptom' THEN 'whole'
            WHEN 'day' THEN periods.period
            WHEN 'month' THEN periods.period
            WHEN 'quarter' THEN periods.period
            ELSE coalesce(stays.attributes[parameters.group_by], 'unknown')
        END AS group_name,
        stays.cluster,
        stays.component_id AS unit,
        'component' AS unit_kind,
        greatest(stays.installed_micros, stays.observed_from_micros, periods.from_micros) AS from_micros,
        least(stays.removed_micros, stays.observed_to_micros, periods.to_micros) AS to_micros,
        CASE
            WHEN stays.removed_micros > stays.installed_micros
                THEN stays.service_seconds * 1e6 / (stays.removed_micros - stays.installed_micros)
            ELSE 0e0
        END AS weight,
        stays.attributes
    FROM stays
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
    LEFT JOIN (SELECT DISTINCT cluster FROM stays) AS with_inventory ON fleet.cluster = with_inventory.cluster
    WHERE with_inventory.cluster IS NULL
)

SELECT group_name, cluster, unit, unit_kind, from_micros, to_micros, weight, attributes
FROM inventoried
WHERE from_micros <= to_micros
UNION ALL
SELECT group_name, cluster, unit, unit_kind, from_micros, to_micros, weight, NULL AS attributes
FROM on_nodes
WHERE from_micros < to_micros
