-- grain: event: what befell one or more nodes of a cluster at about the same time.
-- inputs: event_members.
-- 44 attempts and 20 nodes that go down in one second are one event, not 64. node_count above 1: several nodes, joined
-- by coincidence in time alone. The symptom is that of the first member, of equal ones that most of them have.
WITH by_symptom AS (
    SELECT
        cluster,
        event_number,
        symptom,
        min(from_micros) AS first_micros,
        count(*) AS members
    FROM event_members
    GROUP BY cluster, event_number, symptom
),

named AS (
    SELECT cluster, event_number, min_by(symptom, first_micros * 1e0 - members) AS symptom
    FROM by_symptom
    GROUP BY cluster, event_number
)

SELECT
    event_members.cluster,
    event_members.event_number,
    timestamp_micros(min(event_members.from_micros)) AS from_utc,
    timestamp_micros(max(event_members.from_micros)) AS to_utc,
    (max(event_members.onset_micros) - min(event_members.onset_micros)) / 1e6 AS onset_span_seconds,
    count(DISTINCT event_members.node) AS node_count,
    count(DISTINCT event_members.place) AS place_count,
    sum(CASE WHEN event_members.member = 'attempt' THEN 1 ELSE 0 END) AS attempts_ended,
    sum(CASE WHEN event_members.member = 'outage' THEN 1 ELSE 0 END) AS outages,
    sum(CASE WHEN event_members.member = 'sign' THEN 1 ELSE 0 END) AS signs,
    min(named.symptom) AS symptom,
    -- Of an event whose members name no node, the engines' aggregates differ (NULL, or an empty list): NULL.
    CASE
        WHEN count(event_members.node) > 0
            THEN array_sort(array_agg(DISTINCT event_members.node) FILTER (WHERE event_members.node IS NOT NULL))
    END AS nodes
FROM event_members
INNER JOIN named
    ON event_members.cluster = named.cluster AND event_members.event_number = named.event_number
GROUP BY event_members.cluster, event_members.event_number
