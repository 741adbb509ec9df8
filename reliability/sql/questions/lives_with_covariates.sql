-- lives_with_covariates
-- one row per life of parameters.component: entry, exit, whether it failed, of what, its host (whose other units share
-- its fate), and the values of the covariates $names in their order, null where nobody told.
WITH hosts AS (
    SELECT cluster, component, component_id AS unit, max_by(node, unix_micros(installed_utc)) AS host
    FROM components
    WHERE installed_utc IS NOT NULL
    GROUP BY cluster, component, component_id
)

SELECT
    lifetimes.cluster,
    lifetimes.unit,
    lifetimes.entry_hours,
    lifetimes.exit_hours,
    lifetimes.observed,
    lifetimes.symptom,
    coalesce(hosts.host, split_part(lifetimes.unit, '/', 1)) AS host,
    list_transform(
        CAST($names AS VARCHAR []),
        lambda name: CASE name
            WHEN 'cluster' THEN lifetimes.cluster
            WHEN 'gpu_model' THEN coalesce(lifetimes.gpu_model, lifetimes.attributes['gpu_model'])
            WHEN 'rack' THEN coalesce(lifetimes.rack, lifetimes.attributes['rack'])
            WHEN 'pod' THEN coalesce(lifetimes.pod, lifetimes.attributes['pod'])
            ELSE lifetimes.attributes[name]
        END
    ) AS covariates
FROM lifetimes
CROSS JOIN parameters
LEFT JOIN hosts
    ON lifetimes.cluster = hosts.cluster AND lifetimes.component = hosts.component AND lifetimes.unit = hosts.unit
WHERE
    lifetimes.component = parameters.component
    AND (
        parameters.where_attribute = ''
        OR lifetimes.attributes[parameters.where_attribute] = parameters.where_value
    )
ORDER BY lifetimes.cluster, lifetimes.unit, lifetimes.entry_hours
