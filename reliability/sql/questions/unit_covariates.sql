-- unit_covariates
-- one row per unit at risk and covariate: what the fleet and the attributes of nodes or components say of it, as text.
-- Where sources differ over time, the last one counts. `of_component`: units are inventoried components, else nodes.
WITH told AS (
    SELECT cluster, node AS unit, unnest(['gpu_model', 'rack', 'pod', 'cluster']) AS name, unnest([gpu_model, rack, pod, cluster]) AS value, to_micros AS at_micros
    FROM fleet
    WHERE NOT $of_component
    UNION ALL
    SELECT cluster, node, unnest(map_keys(attributes)), unnest(map_values(attributes)), coalesce(unix_micros(to_utc), 0)
    FROM nodes
    WHERE NOT $of_component
    UNION ALL
    SELECT cluster, component_id, unnest(map_keys(attributes)), unnest(map_values(attributes)), unix_micros(installed_utc)
    FROM components CROSS JOIN parameters
    WHERE $of_component AND components.component = parameters.component AND installed_utc IS NOT NULL
)

SELECT cluster, unit, name, max_by(value, at_micros) AS value
FROM told
WHERE value IS NOT NULL
GROUP BY cluster, unit, name
ORDER BY cluster, unit, name
