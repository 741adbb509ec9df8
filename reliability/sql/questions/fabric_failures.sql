-- One row per host and per switch of $cluster to which something happened within the observation, by name, with how often:
-- `outage` counts unplanned outages of a host, `switch` critical events about a switch. A switch is named by the inventory,
-- else as the event calls it.
WITH inventoried AS (
    SELECT lower(component_id) AS component_id, min(slot) AS name
    FROM components
    WHERE cluster = $cluster AND component = 'switch' AND slot IS NOT NULL
    GROUP BY lower(component_id)
),

named AS (
    SELECT
        coalesce(inventoried.name, nullif(trim(regexp_extract(events.message, 'Switch: ?([^/\]:]+)', 1)), '')) AS name
    FROM events
    CROSS JOIN parameters
    LEFT JOIN inventoried ON replace(lower(events.component_id), '0x', '') = inventoried.component_id
    WHERE
        events.cluster = $cluster
        AND events.component = 'switch'
        AND events.severity = 'critical'
        AND epoch_us(events.time_utc) >= coalesce(parameters.window_from_micros, epoch_us(events.time_utc))
        AND epoch_us(events.time_utc) < coalesce(parameters.window_to_micros, epoch_us(events.time_utc) + 1)
)

SELECT node AS name, 'outage' AS counted, count(*) AS failures FROM node_failures WHERE cluster = $cluster GROUP BY node
UNION ALL
SELECT name, 'switch' AS counted, count(*) AS failures FROM named WHERE name IS NOT NULL GROUP BY name
ORDER BY failures DESC, name
