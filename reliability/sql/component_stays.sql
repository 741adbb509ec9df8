-- grain: stay of an inventoried component of the kind asked for (parameters.component), of those with the attribute asked.
-- inputs: components, observation, parameters.
-- What a snapshot saw (no date of installation) is no inventory. Exposure and failures of components both come from here.
SELECT
    components.cluster,
    components.component_id,
    components.attributes,
    unix_micros(components.installed_utc) AS installed_micros,
    unix_micros(components.removed_utc) AS removed_micros,
    components.service_seconds,
    observation.from_micros AS observed_from_micros,
    observation.to_micros AS observed_to_micros,
    observation.last_micros AS observed_last_micros
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
