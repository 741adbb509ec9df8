-- failure_gaps
-- one row per quarter of parameters.calendar_zone: failures of parameters.component, their distinct times, and the time from
-- the first to the last of them. Several failures at one instant (a power cut, a cabinet) are one time.
WITH failures AS (
    SELECT
        unix_micros(events.time_utc) AS at_micros,
        events.time_utc AT TIME ZONE parameters.calendar_zone AS local_time
    FROM events
    CROSS JOIN parameters
    LEFT JOIN observation ON events.cluster = observation.cluster AND observation.table_name = 'events'
    WHERE
        events.component = parameters.component
        AND events.severity = 'critical'
        AND events.domain <> 'user_program'
        AND unix_micros(events.time_utc) >= coalesce(observation.from_micros, unix_micros(events.time_utc))
        AND unix_micros(events.time_utc) <= coalesce(observation.last_micros, unix_micros(events.time_utc))
)

SELECT
    concat(year(local_time), '-Q', quarter(local_time)) AS quarter,
    count(*) AS failures,
    count(DISTINCT at_micros) AS times,
    (max(at_micros) - min(at_micros)) / 3.6e9 AS span_hours
FROM failures
GROUP BY quarter
ORDER BY quarter
