-- grain: unplanned outage of a node that began within the observation.
-- inputs: node_intervals, fleet.
-- A down interval that nobody planned. One that continues another (the same outage under a new reason) adds to its
-- length in `exposure` and is not counted again here.
SELECT
    node_intervals.cluster,
    node_intervals.node,
    node_intervals.from_utc,
    node_intervals.to_utc,
    CAST(floor(node_intervals.from_micros / 8.64e10) AS BIGINT) AS day_number,
    coalesce(node_intervals.component, 'other') AS component,
    coalesce(node_intervals.symptom, 'other') AS symptom,
    coalesce(node_intervals.domain, 'other') AS domain,
    node_intervals.reason,
    fleet.gpu_count,
    fleet.gpu_model,
    fleet.rack,
    fleet.pod
FROM node_intervals
INNER JOIN fleet
    ON node_intervals.cluster = fleet.cluster
    AND node_intervals.node = fleet.node
    AND node_intervals.from_micros >= fleet.from_micros
    AND node_intervals.from_micros <= fleet.last_micros
WHERE node_intervals.state = 'down' AND NOT node_intervals.planned AND NOT node_intervals.continues
