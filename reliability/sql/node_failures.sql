-- grain: unplanned outage of a node that began within the observation.
-- inputs: node_states, fleet.
-- A down interval that nobody planned. One that continues another (the same outage under a new reason) adds to its
-- length in `exposure` and is not counted again here.
SELECT
    node_states.cluster,
    node_states.node,
    node_states.from_utc,
    node_states.to_utc,
    CAST(floor(unix_micros(node_states.from_utc) / 8.64e10) AS BIGINT) AS day_number,
    coalesce(node_states.component, 'other') AS component,
    coalesce(node_states.symptom, 'other') AS symptom,
    coalesce(node_states.domain, 'other') AS domain,
    node_states.reason,
    fleet.gpu_count,
    fleet.gpu_model,
    fleet.rack,
    fleet.pod
FROM node_states
INNER JOIN fleet
    ON node_states.cluster = fleet.cluster
    AND node_states.node = fleet.node
    AND unix_micros(node_states.from_utc) >= fleet.from_micros
    AND unix_micros(node_states.from_utc) <= fleet.last_micros
WHERE node_states.state = 'down' AND NOT node_states.planned AND NOT node_states.continues
