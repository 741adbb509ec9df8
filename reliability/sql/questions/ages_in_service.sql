-- ages_in_service
-- one row per group and age of units of parameters.component that were in service, not having failed, when the log ends.
-- Inventoried components: those whose last stay the log saw end in service. Nodes and GPU slots: those of nodes that
-- belong to the fleet to the end of the log. Their age is where their censored life ends.
WITH last_stays AS (
    SELECT cluster, component_id AS unit, max_by(removal, unix_micros(installed_utc)) AS removal
    FROM components CROSS JOIN parameters
    WHERE components.component = parameters.component AND installed_utc IS NOT NULL
    GROUP BY cluster, component_id
),

ends AS (
    SELECT cluster, node, max(to_micros) AS to_micros
    FROM fleet
    GROUP BY cluster, node
),

staying AS (
    SELECT ends.cluster, ends.node
    FROM ends
    INNER JOIN (SELECT cluster, max(to_micros) AS to_micros FROM ends GROUP BY cluster) AS last_of_all
        ON ends.cluster = last_of_all.cluster AND ends.to_micros = last_of_all.to_micros
),

censored AS (
    SELECT lifetimes.*, split_part(lifetimes.unit, '/', 1) AS node
    FROM lifetimes CROSS JOIN parameters
    WHERE
        lifetimes.component = parameters.component
        AND NOT lifetimes.observed
        AND (
            parameters.where_attribute = ''
            OR lifetimes.attributes[parameters.where_attribute] = parameters.where_value
        )
),

in_service AS (
    SELECT censored.*
    FROM censored
    LEFT JOIN last_stays ON censored.cluster = last_stays.cluster AND censored.unit = last_stays.unit
    LEFT JOIN staying ON censored.cluster = staying.cluster AND censored.node = staying.node
    WHERE CASE WHEN last_stays.unit IS NULL THEN staying.node IS NOT NULL ELSE last_stays.removal = 'in_service' END
)

SELECT
    CASE parameters.group_by
        WHEN '' THEN 'all'
        WHEN 'cluster' THEN in_service.cluster
        WHEN 'gpu_model' THEN coalesce(in_service.gpu_model, in_service.attributes['gpu_model'], 'unknown')
        WHEN 'rack' THEN coalesce(in_service.rack, in_service.attributes['rack'], 'unknown')
        WHEN 'pod' THEN coalesce(in_service.pod, in_service.attributes['pod'], 'unknown')
        ELSE coalesce(in_service.attributes[parameters.group_by], 'unknown')
    END AS group_name,
    in_service.exit_hours AS age_hours,
    count(*) AS units
FROM in_service CROSS JOIN parameters
GROUP BY group_name, age_hours
ORDER BY group_name, age_hours
