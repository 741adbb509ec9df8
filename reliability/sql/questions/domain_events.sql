-- one row per event that names a node: its nodes, and how many were hurt (an outage or a failed attempt, not a sign alone).
WITH struck AS (
    SELECT
        cluster,
        event_number,
        node,
        max(CASE WHEN member = 'sign' THEN 0 ELSE 1 END) AS hurt
    FROM event_members
    WHERE node IS NOT NULL
    GROUP BY cluster, event_number, node
)

SELECT
    struck.cluster,
    struck.event_number,
    shared_incidents.from_utc,
    shared_incidents.to_utc,
    shared_incidents.symptom,
    CAST(shared_incidents.attempts_ended AS BIGINT) AS attempts_ended,
    list(struck.node ORDER BY struck.node) AS nodes,
    list(struck.hurt ORDER BY struck.node) AS hurt
FROM struck
INNER JOIN shared_incidents
    ON struck.cluster = shared_incidents.cluster AND struck.event_number = shared_incidents.event_number
GROUP BY ALL
ORDER BY struck.cluster, struck.event_number
