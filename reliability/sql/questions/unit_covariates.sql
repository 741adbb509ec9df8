-- unit_covariates
-- one row per node and covariate: what the fleet and the attributes of nodes say of it, as text. Where sources differ over
-- time, the last one counts.
WITH told AS (
    SELECT
        cluster,
        node AS unit,
        unnest(['gpu_model', 'rack', 'pod', 'cluster']) AS name,
        unnest([gpu_model, rack, pod, cluster]) AS value,
        to_micros AS at_micros
    FROM fleet
    UNION ALL
    SELECT cluster, node, unnest(map_keys(attributes)), unnest(map_values(attributes)), coalesce(unix_micros(to_utc), 0)
    FROM nodes
)

SELECT cluster, unit, name, max_by(value, at_micros) AS value
FROM told
WHERE value IS NOT NULL
GROUP BY cluster, unit, name
ORDER BY cluster, unit, name
