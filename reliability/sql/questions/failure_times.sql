-- one row per failure that the rate asked for ($of: node, attempt or component) counts: when, and in which cluster.
SELECT cluster, unix_micros(from_utc) AS at_micros
FROM node_failures
WHERE $of = 'node'
UNION ALL
SELECT attributions.cluster, unix_micros(attributions.end_utc) AS at_micros
FROM attributions CROSS JOIN parameters
WHERE
    $of = 'attempt'
    AND attributions.is_infrastructure
    AND (parameters.min_gpus = 0 OR attributions.gpu_count > parameters.min_gpus)
UNION ALL
SELECT events.cluster, unix_micros(events.time_utc) AS at_micros
FROM events CROSS JOIN parameters
WHERE
    $of = 'component'
    AND events.component = parameters.component
    AND events.component_id IS NOT NULL
    AND events.severity = 'critical'
UNION ALL
SELECT incidents.cluster, unix_micros(incidents.from_utc) AS at_micros
FROM incidents
CROSS JOIN parameters
LEFT JOIN (SELECT DISTINCT cluster, component FROM components WHERE installed_utc IS NOT NULL) AS inventoried
    ON incidents.cluster = inventoried.cluster AND incidents.component = inventoried.component
WHERE
    $of = 'component'
    AND inventoried.cluster IS NULL
    AND incidents.component = parameters.component
    AND incidents.severity = 'critical'
    AND incidents.domain <> 'user_program'
