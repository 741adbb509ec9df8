-- grain: life of a unit, from entering observation to its first failure or to the end of observation.
-- inputs: components, events, node_failures, outage_lives, fleet, observation.
-- Components with serial numbers: one life per serial; the clock is the time in service summed over its stays; the
-- event is its first critical event; still in service, or removed for another reason, is censored. A life older
-- than the observation enters late (left truncation): entry_hours is its age when the log begins.
-- GPUs of a cluster without an inventory: one life per slot, from the beginning of the log (true age not known) to
-- the slot's first critical event that no user program caused. Where a GPU event does not name its slot there are none.
-- What a snapshot saw (no date of installation) is no inventory.
-- Of several events at one instant the first symptom in the alphabet is the cause: microseconds, with an offset that gives
-- them all sixteen digits, and the symptom are compared as one text.
-- Nodes, where their states were logged: one life per stretch between unplanned outages; the clock restarts when the node returns (renewal), and at
-- the beginning of the observation, where its age is not known.
-- Repairs, under the component 'repair': the life of an unplanned outage of a node; it ends when the node is back.
WITH stays AS (
    SELECT
        components.cluster,
        components.component,
        components.component_id,
        components.attributes,
        unix_micros(components.installed_utc) AS installed_micros,
        coalesce(
            components.service_seconds,
            (unix_micros(components.removed_utc) - unix_micros(components.installed_utc)) / 1e6
        ) AS service_seconds
    FROM components
    WHERE components.installed_utc IS NOT NULL
),

aged AS (
    SELECT
        *,
        sum(service_seconds) OVER (
            PARTITION BY cluster, component, component_id
            ORDER BY installed_micros ROWS BETWEEN UNBOUNDED PRECEDING AND CURRENT ROW
        ) - service_seconds AS age_at_install_seconds
    FROM stays
),

serials AS (
    SELECT
        aged.cluster,
        aged.component,
        aged.component_id,
        max_by(aged.attributes, aged.installed_micros) AS attributes,
        sum(aged.service_seconds) AS service_seconds,
        -- the age at which the observation begins, zero for a component installed later
        coalesce(
            max(
                CASE
                    WHEN aged.installed_micros < observation.from_micros
                        THEN aged.age_at_install_seconds
                            + least((observation.from_micros - aged.installed_micros) / 1e6, aged.service_seconds)
                END
            ),
            0e0
        ) AS entry_seconds
    FROM aged
    LEFT JOIN observation ON aged.cluster = observation.cluster AND observation.table_name = 'components'
    GROUP BY aged.cluster, aged.component, aged.component_id
),

first_events AS (
    SELECT
        events.cluster,
        events.component,
        events.component_id,
        min(unix_micros(events.time_utc)) AS at_micros,
        min_by(
            events.symptom, CONCAT(CAST(unix_micros(events.time_utc) + 4000000000000000 AS STRING), events.symptom)
        ) AS symptom
    FROM events
    INNER JOIN observation ON events.cluster = observation.cluster AND observation.table_name = 'components'
    WHERE
        events.component_id IS NOT NULL
        AND events.severity = 'critical'
        AND unix_micros(events.time_utc) >= observation.from_micros
        AND unix_micros(events.time_utc) <= observation.last_micros
    GROUP BY events.cluster, events.component, events.component_id
),

event_ages AS (
    SELECT
        first_events.cluster,
        first_events.component,
        first_events.component_id,
        max(first_events.symptom) AS symptom,
        max(
            aged.age_at_install_seconds
            + least((first_events.at_micros - aged.installed_micros) / 1e6, aged.service_seconds)
        ) AS age_seconds
    FROM first_events
    INNER JOIN aged
        ON first_events.cluster = aged.cluster
        AND first_events.component = aged.component
        AND first_events.component_id = aged.component_id
        AND aged.installed_micros <= first_events.at_micros
    GROUP BY first_events.cluster, first_events.component, first_events.component_id
),

component_lives AS (
    SELECT
        serials.cluster,
        serials.component,
        serials.component_id AS unit,
        serials.entry_seconds / 3.6e3 AS entry_hours,
        coalesce(event_ages.age_seconds, serials.service_seconds) / 3.6e3 AS exit_hours,
        event_ages.age_seconds IS NOT NULL AS observed,
        event_ages.symptom,
        serials.attributes
    FROM serials
    LEFT JOIN event_ages
        ON serials.cluster = event_ages.cluster
        AND serials.component = event_ages.component
        AND serials.component_id = event_ages.component_id
),

-- A node's stretches: each begins with the fleet or where an outage ends, and ends with the next outage.
beginnings AS (
    SELECT
        fleet.cluster,
        fleet.node,
        fleet.from_micros AS at_micros,
        fleet.to_micros AS last_micros,
        fleet.gpu_model,
        fleet.rack,
        fleet.pod
    FROM fleet
    INNER JOIN observation ON fleet.cluster = observation.cluster AND observation.table_name = 'node_states'
    UNION ALL
    SELECT
        node_failures.cluster,
        node_failures.node,
        unix_micros(node_failures.to_utc) AS at_micros,
        fleet.to_micros AS last_micros,
        node_failures.gpu_model,
        node_failures.rack,
        node_failures.pod
    FROM node_failures
    INNER JOIN fleet
        ON node_failures.cluster = fleet.cluster
        AND node_failures.node = fleet.node
        AND unix_micros(node_failures.to_utc) >= fleet.from_micros
        AND unix_micros(node_failures.to_utc) < fleet.to_micros
),

stretches AS (
    SELECT
        beginnings.cluster,
        beginnings.node,
        beginnings.at_micros,
        min(beginnings.last_micros) AS last_micros,
        max(beginnings.gpu_model) AS gpu_model,
        max(beginnings.rack) AS rack,
        max(beginnings.pod) AS pod,
        min(unix_micros(node_failures.from_utc)) AS failed_micros,
        min_by(
            node_failures.symptom,
            CONCAT(CAST(unix_micros(node_failures.from_utc) + 4000000000000000 AS STRING), node_failures.symptom)
        ) AS symptom
    FROM beginnings
    LEFT JOIN node_failures
        ON beginnings.cluster = node_failures.cluster
        AND beginnings.node = node_failures.node
        AND unix_micros(node_failures.from_utc) >= beginnings.at_micros
    GROUP BY beginnings.cluster, beginnings.node, beginnings.at_micros
),

-- Overlapping outages would give two stretches ending in one failure: only the last of them really ran.
node_lives AS (
    SELECT
        cluster,
        'node' AS component,
        node AS unit,
        0e0 AS entry_hours,
        (coalesce(failed_micros, max(last_micros)) - max(at_micros)) / 3.6e9 AS exit_hours,
        failed_micros IS NOT NULL AS observed,
        max(symptom) AS symptom,
        max(gpu_model) AS gpu_model,
        max(rack) AS rack,
        max(pod) AS pod
    FROM stretches
    GROUP BY cluster, node, failed_micros
),

gpu_events AS (
    SELECT cluster, node, slot, symptom, unix_micros(time_utc) AS at_micros
    FROM events
    WHERE component = 'gpu' AND severity = 'critical' AND domain <> 'user_program'
),

without_slots AS (
    SELECT DISTINCT cluster FROM components WHERE component = 'gpu' AND installed_utc IS NOT NULL
    UNION
    SELECT DISTINCT cluster FROM gpu_events WHERE slot IS NULL
),

slotted AS (
    SELECT
        fleet.cluster,
        fleet.node,
        fleet.gpu_count,
        fleet.gpu_model,
        fleet.rack,
        fleet.pod,
        greatest(fleet.from_micros, observation.from_micros) AS from_micros,
        least(fleet.to_micros, observation.to_micros) AS to_micros,
        least(fleet.last_micros, observation.last_micros) AS last_micros
    FROM fleet
    INNER JOIN observation ON fleet.cluster = observation.cluster AND observation.table_name = 'events'
    LEFT JOIN without_slots ON fleet.cluster = without_slots.cluster
    WHERE without_slots.cluster IS NULL AND fleet.gpu_count > 0
),

failed_slots AS (
    SELECT
        slotted.cluster,
        slotted.node,
        slotted.from_micros,
        gpu_events.slot,
        min(gpu_events.at_micros) AS failed_micros,
        min_by(
            gpu_events.symptom, CONCAT(CAST(gpu_events.at_micros + 4000000000000000 AS STRING), gpu_events.symptom)
        ) AS symptom,
        max(slotted.gpu_model) AS gpu_model,
        max(slotted.rack) AS rack,
        max(slotted.pod) AS pod
    FROM slotted
    INNER JOIN gpu_events
        ON slotted.cluster = gpu_events.cluster
        AND slotted.node = gpu_events.node
        AND gpu_events.at_micros >= slotted.from_micros
        AND gpu_events.at_micros <= slotted.last_micros
    GROUP BY slotted.cluster, slotted.node, slotted.from_micros, gpu_events.slot
),

whole_slots AS (
    SELECT
        slotted.cluster,
        slotted.node,
        slotted.gpu_model,
        slotted.rack,
        slotted.pod,
        (slotted.to_micros - slotted.from_micros) / 3.6e9 AS exit_hours,
        slotted.gpu_count - coalesce(failed.slots, 0) AS slots
    FROM slotted
    LEFT JOIN (
        SELECT cluster, node, from_micros, count(*) AS slots FROM failed_slots GROUP BY cluster, node, from_micros
    ) AS failed
        ON slotted.cluster = failed.cluster
        AND slotted.node = failed.node
        AND slotted.from_micros = failed.from_micros
),

slot_lives AS (
    SELECT
        cluster,
        CONCAT(node, '/', slot) AS unit,
        (failed_micros - from_micros) / 3.6e9 AS exit_hours,
        TRUE AS observed,
        symptom,
        gpu_model,
        rack,
        pod
    FROM failed_slots
    UNION ALL
    SELECT cluster, CONCAT(node, '/whole ', CAST(slot_number AS STRING)), exit_hours, FALSE, NULL, gpu_model, rack, pod
    FROM (
        SELECT *, explode(sequence(CAST(1 AS BIGINT), CAST(slots AS BIGINT))) AS slot_number FROM whole_slots WHERE slots > 0
    ) AS numbered
)

SELECT
    cluster,
    component,
    unit,
    entry_hours,
    exit_hours,
    observed,
    symptom,
    CAST(NULL AS STRING) AS gpu_model,
    CAST(NULL AS STRING) AS rack,
    CAST(NULL AS STRING) AS pod,
    attributes
FROM component_lives
WHERE exit_hours > entry_hours
UNION ALL
SELECT cluster, component, unit, entry_hours, exit_hours, observed, symptom, gpu_model, rack, pod, NULL AS attributes
FROM node_lives
WHERE exit_hours > entry_hours
UNION ALL
SELECT
    cluster,
    'gpu' AS component,
    unit,
    0e0 AS entry_hours,
    exit_hours,
    observed,
    symptom,
    gpu_model,
    rack,
    pod,
    NULL AS attributes
FROM slot_lives
WHERE exit_hours > 0
UNION ALL
SELECT
    cluster,
    'repair' AS component,
    unit,
    0e0 AS entry_hours,
    exit_hours,
    observed,
    symptom,
    gpu_model,
    rack,
    pod,
    NULL AS attributes
FROM outage_lives
WHERE exit_hours > 0
