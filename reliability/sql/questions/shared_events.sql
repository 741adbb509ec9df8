-- one row per event of several nodes, the largest first; $most rows. `events`, `shared_events` and `joins` are of all.
SELECT
    cluster,
    event_number,
    from_utc,
    to_utc,
    onset_span_seconds,
    node_count,
    attempts_ended,
    outages,
    signs,
    symptom,
    nodes,
    events,
    shared_events,
    joins
FROM (
    SELECT
        *,
        count(*) OVER () AS events,
        sum(CASE WHEN place_count > 1 THEN 1 ELSE 0 END) OVER () AS shared_events,
        CAST(sum(place_count - 1) OVER () AS BIGINT) AS joins
    FROM shared_incidents
) AS counted
ORDER BY node_count DESC, from_utc
LIMIT $most
