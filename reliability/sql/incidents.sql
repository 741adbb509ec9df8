-- grain: incident: the events of one symptom on one node with no gap longer than parameters.incident_gap_seconds.
-- inputs: events, parameters.
-- A node can print 800,000 lines about one fault; a rate counts incidents, never lines. The worst severity and the
-- first code, slot and message stand for the incident.
WITH timed AS (
    SELECT
        events.cluster,
        coalesce(events.node, '') AS node,
        events.symptom,
        events.domain,
        events.component,
        events.slot,
        events.code,
        events.message,
        unix_micros(events.time_utc) AS at_micros,
        CASE events.severity WHEN 'critical' THEN 2 WHEN 'warning' THEN 1 ELSE 0 END AS badness,
        parameters.incident_gap_seconds * 1000000 AS gap_micros
    FROM events CROSS JOIN parameters
),

stepped AS (
    SELECT
        *,
        CASE
            WHEN at_micros - lag(at_micros) OVER (PARTITION BY cluster, node, symptom ORDER BY at_micros) <= gap_micros THEN 0
            ELSE 1
        END AS begins
    FROM timed
),

numbered AS (
    SELECT
        *,
        sum(begins) OVER (
            PARTITION BY cluster, node, symptom ORDER BY at_micros ROWS BETWEEN UNBOUNDED PRECEDING AND CURRENT ROW
        ) AS incident_number
    FROM stepped
)

SELECT
    cluster,
    node,
    symptom,
    CAST(incident_number AS BIGINT) AS incident_number,
    timestamp_micros(min(at_micros)) AS from_utc,
    timestamp_micros(max(at_micros)) AS to_utc,
    count(*) AS event_count,
    CASE max(badness) WHEN 2 THEN 'critical' WHEN 1 THEN 'warning' ELSE 'info' END AS severity,
    min_by(domain, at_micros) AS domain,
    min_by(component, at_micros) AS component,
    min_by(slot, at_micros) AS slot,
    min_by(code, at_micros) AS code,
    min_by(message, at_micros) AS message
FROM numbered
GROUP BY cluster, node, symptom, incident_number
