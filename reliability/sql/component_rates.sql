-- grain: group of components of one kind (parameters.component, parameters.group_by; empty: all).
-- inputs: components, events, incidents, fleet, observation, parameters.
-- Where an inventory exists (`components`): recorded failure events per day in service; a failure belongs to the stay
-- it ended or followed, and groups on the stay's attributes. Without one: critical incidents that no user program
-- caused, per GPU-day for `gpu` (GPUs of the node × days in the fleet) and per node-day for anything else, because
-- nobody told how many there are. `unit` says which.
WITH stays AS (
    SELECT
        components.cluster,
        components.component_id,
        components.node,
        components.attributes,
        unix_micros(components.installed_utc) AS from_micros,
        unix_micros(components.removed_utc) AS to_micros,
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
),

in_service AS (
    SELECT
        *,
        CASE
            WHEN to_micros > from_micros
                THEN service_seconds
                    * greatest(0e0, (least(to_micros, observed_to_micros) - greatest(from_micros, observed_from_micros)) / CAST(to_micros - from_micros AS DOUBLE))
            ELSE 0e0
        END AS exposure_seconds
    FROM stays
),

failures_of_stays AS (
    SELECT
        events.cluster,
        events.component_id,
        events.time_utc,
        events.code,
        events.repeat_ordinal,
        max(events.symptom) AS symptom,
        -- the last stay that began before the event; for an event before every stay, the first one
        max_by(
            stays.attributes,
            CASE WHEN stays.from_micros <= unix_micros(events.time_utc) THEN stays.from_micros ELSE -stays.from_micros END
        ) AS attributes
    FROM events
    INNER JOIN stays ON events.cluster = stays.cluster AND events.component_id = stays.component_id
    WHERE
        events.severity = 'critical'
        AND unix_micros(events.time_utc) >= stays.observed_from_micros
        AND unix_micros(events.time_utc) <= stays.observed_last_micros
    GROUP BY events.cluster, events.component_id, events.time_utc, events.code, events.repeat_ordinal
),

inventory_exposed AS (
    SELECT
        CASE parameters.group_by
            WHEN '' THEN 'all'
            WHEN 'cluster' THEN in_service.cluster
            WHEN 'symptom' THEN 'whole'
            ELSE coalesce(in_service.attributes[parameters.group_by], 'unknown')
        END AS group_name,
        sum(in_service.exposure_seconds) / 8.64e4 AS exposure_days
    FROM in_service CROSS JOIN parameters
    GROUP BY 1
),

inventory_failed AS (
    SELECT
        CASE parameters.group_by
            WHEN '' THEN 'all'
            WHEN 'cluster' THEN failures_of_stays.cluster
            WHEN 'symptom' THEN failures_of_stays.symptom
            ELSE coalesce(failures_of_stays.attributes[parameters.group_by], 'unknown')
        END AS group_name,
        count(*) AS failures
    FROM failures_of_stays CROSS JOIN parameters
    GROUP BY 1
),

fleet_days AS (
    SELECT
        fleet.cluster,
        fleet.node,
        fleet.gpu_model,
        fleet.rack,
        fleet.pod,
        CASE WHEN parameters.component = 'gpu' THEN fleet.gpu_count ELSE 1 END
        * (least(fleet.to_micros, observation.to_micros) - greatest(fleet.from_micros, observation.from_micros)) / 8.64e10 AS unit_days
    FROM fleet
    CROSS JOIN parameters
    INNER JOIN observation ON fleet.cluster = observation.cluster AND observation.table_name = 'events'
    LEFT JOIN (SELECT DISTINCT cluster FROM stays) AS inventoried ON fleet.cluster = inventoried.cluster
    WHERE
        inventoried.cluster IS NULL
        AND least(fleet.to_micros, observation.to_micros) > greatest(fleet.from_micros, observation.from_micros)
),

log_failed AS (
    SELECT
        CASE parameters.group_by
            WHEN '' THEN 'all'
            WHEN 'cluster' THEN incidents.cluster
            WHEN 'node' THEN incidents.node
            WHEN 'gpu_model' THEN coalesce(fleet.gpu_model, 'unknown')
            WHEN 'rack' THEN coalesce(fleet.rack, 'unknown')
            WHEN 'pod' THEN coalesce(fleet.pod, 'unknown')
            WHEN 'symptom' THEN incidents.symptom
            WHEN 'code' THEN coalesce(incidents.code, 'unknown')
            ELSE 'unknown'
        END AS group_name,
        count(*) AS failures
    FROM incidents
    CROSS JOIN parameters
    INNER JOIN fleet
        ON incidents.cluster = fleet.cluster
        AND incidents.node = fleet.node
        AND unix_micros(incidents.from_utc) >= fleet.from_micros
        AND unix_micros(incidents.from_utc) <= fleet.last_micros
    LEFT JOIN (SELECT DISTINCT cluster FROM stays) AS inventoried ON incidents.cluster = inventoried.cluster
    WHERE
        inventoried.cluster IS NULL
        AND incidents.component = parameters.component
        AND incidents.severity = 'critical'
        AND incidents.domain <> 'user_program'
    GROUP BY 1
),

log_exposed AS (
    SELECT
        CASE parameters.group_by
            WHEN '' THEN 'all'
            WHEN 'cluster' THEN fleet_days.cluster
            WHEN 'node' THEN fleet_days.node
            WHEN 'gpu_model' THEN coalesce(fleet_days.gpu_model, 'unknown')
            WHEN 'rack' THEN coalesce(fleet_days.rack, 'unknown')
            WHEN 'pod' THEN coalesce(fleet_days.pod, 'unknown')
            WHEN 'symptom' THEN 'whole'
            WHEN 'code' THEN 'whole'
            ELSE 'unknown'
        END AS group_name,
        sum(fleet_days.unit_days) AS exposure_days
    FROM fleet_days CROSS JOIN parameters
    GROUP BY 1
),

joined AS (
    SELECT 'component' AS unit, exposed.group_name, failed.failures, exposed.exposure_days
    FROM inventory_exposed AS exposed
    CROSS JOIN parameters
    LEFT JOIN inventory_failed AS failed ON exposed.group_name = failed.group_name
    WHERE parameters.group_by <> 'symptom'
    UNION ALL
    SELECT 'component' AS unit, failed.group_name, failed.failures, exposed.exposure_days
    FROM inventory_failed AS failed CROSS JOIN inventory_exposed AS exposed CROSS JOIN parameters
    WHERE parameters.group_by = 'symptom'
    UNION ALL
    SELECT
        CASE WHEN parameters.component = 'gpu' THEN 'component' ELSE 'node' END AS unit,
        exposed.group_name,
        failed.failures,
        exposed.exposure_days
    FROM log_exposed AS exposed
    CROSS JOIN parameters
    LEFT JOIN log_failed AS failed ON exposed.group_name = failed.group_name
    WHERE parameters.group_by NOT IN ('symptom', 'code')
    UNION ALL
    SELECT
        CASE WHEN parameters.component = 'gpu' THEN 'component' ELSE 'node' END AS unit,
        failed.group_name,
        failed.failures,
        exposed.exposure_days
    FROM log_failed AS failed CROSS JOIN log_exposed AS exposed CROSS JOIN parameters
    WHERE parameters.group_by IN ('symptom', 'code')
)

SELECT
    group_name,
    unit,
    CAST(sum(coalesce(failures, 0)) AS BIGINT) AS failures,
    sum(exposure_days) AS exposure_days,
    CAST(NULL AS DOUBLE) AS unavailable_share
FROM joined
GROUP BY group_name, unit
