-- grain: failure of a component of one kind (parameters.component), in its group (parameters.group_by; empty: all).
-- inputs: component_stays, events, incidents, fleet, periods, parameters.
-- What `component_exposed` is the exposure of. Where an inventory exists: recorded failure events; one belongs to the
-- stay it ended or followed, and groups on the stay's attributes. Without one: critical incidents that no user program
-- caused.
WITH of_stays AS (
    SELECT
        events.cluster,
        events.component_id,
        events.time_utc,
        events.code,
        events.repeat_ordinal,
        max(events.symptom) AS symptom,
        -- the last stay that began before the event; for an event before every stay, the first one
        max_by(
            component_stays.attributes,
            CASE
                WHEN component_stays.installed_micros <= unix_micros(events.time_utc) THEN component_stays.installed_micros
                ELSE -component_stays.installed_micros
            END
        ) AS attributes
    FROM events
    INNER JOIN component_stays ON events.cluster = component_stays.cluster AND events.component_id = component_stays.component_id
    WHERE
        events.severity = 'critical'
        AND unix_micros(events.time_utc) >= component_stays.observed_from_micros
        AND unix_micros(events.time_utc) <= component_stays.observed_last_micros
    GROUP BY events.cluster, events.component_id, events.time_utc, events.code, events.repeat_ordinal
),

from_log AS (
    SELECT
        incidents.cluster,
        incidents.node,
        incidents.symptom,
        incidents.code,
        unix_micros(incidents.from_utc) AS at_micros,
        max(fleet.gpu_model) AS gpu_model,
        max(fleet.rack) AS rack,
        max(fleet.pod) AS pod
    FROM incidents
    CROSS JOIN parameters
    INNER JOIN fleet
        ON incidents.cluster = fleet.cluster
        AND incidents.node = fleet.node
        AND unix_micros(incidents.from_utc) >= fleet.from_micros
        AND unix_micros(incidents.from_utc) <= fleet.last_micros
    LEFT JOIN (SELECT DISTINCT cluster FROM component_stays) AS with_inventory ON incidents.cluster = with_inventory.cluster
    WHERE
        with_inventory.cluster IS NULL
        AND incidents.component = parameters.component
        AND incidents.severity = 'critical'
        AND incidents.domain <> 'user_program'
    GROUP BY incidents.cluster, incidents.node, incidents.symptom, incidents.code, incidents.incident_number, incidents.from_utc
)

SELECT
    CASE parameters.group_by
        WHEN '' THEN 'all'
        WHEN 'cluster' THEN of_stays.cluster
        WHEN 'symptom' THEN of_stays.symptom
        WHEN 'day' THEN periods.period
        WHEN 'month' THEN periods.period
        WHEN 'quarter' THEN periods.period
        ELSE coalesce(of_stays.attributes[parameters.group_by], 'unknown')
    END AS group_name,
    of_stays.cluster,
    of_stays.component_id AS unit,
    'component' AS unit_kind,
    unix_micros(of_stays.time_utc) AS at_micros,
    of_stays.attributes
FROM of_stays
CROSS JOIN parameters
INNER JOIN periods ON unix_micros(of_stays.time_utc) >= periods.from_micros AND unix_micros(of_stays.time_utc) < periods.to_micros
UNION ALL
SELECT
    CASE parameters.group_by
        WHEN '' THEN 'all'
        WHEN 'cluster' THEN from_log.cluster
        WHEN 'node' THEN from_log.node
        WHEN 'gpu_model' THEN coalesce(from_log.gpu_model, 'unknown')
        WHEN 'rack' THEN coalesce(from_log.rack, 'unknown')
        WHEN 'pod' THEN coalesce(from_log.pod, 'unknown')
        WHEN 'symptom' THEN from_log.symptom
        WHEN 'code' THEN coalesce(from_log.code, 'unknown')
        WHEN 'day' THEN periods.period
        WHEN 'month' THEN periods.period
        WHEN 'quarter' THEN periods.period
        ELSE 'unknown'
    END AS group_name,
    from_log.cluster,
    from_log.node AS unit,
    CASE WHEN parameters.component = 'gpu' THEN 'component' ELSE 'node' END AS unit_kind,
    from_log.at_micros,
    NULL AS attributes
FROM from_log
CROSS JOIN parameters
INNER JOIN periods ON from_log.at_micros >= periods.from_micros AND from_log.at_micros < periods.to_micros
