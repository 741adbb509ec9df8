-- grain: sign of trouble on a node: one line, or one unplanned state whose reason names a symptom.
-- inputs: events, node_states.
-- What counts against the infrastructure (Kokolis et al., HPCA 2025: a failed check): critical events that no user
-- program caused, and unplanned down or drain reasons that name a symptom (a health check's verdict). A node that merely
-- stopped answering is no sign of a cause. Lines that user programs cause (Xid 13, 31, 43, 45, …) are kept apart:
-- is_application.
SELECT
    cluster,
    node,
    unix_micros(time_utc) AS at_micros,
    symptom,
    domain,
    code,
    slot,
    message,
    'events' AS found_in,
    domain = 'user_program' AS is_application
FROM events
WHERE node IS NOT NULL AND (severity = 'critical' OR domain = 'user_program')
UNION ALL
SELECT
    cluster,
    node,
    unix_micros(from_utc) AS at_micros,
    symptom,
    domain,
    CONCAT('state:', state) AS code,
    CAST(NULL AS STRING) AS slot,
    reason AS message,
    'node_states' AS found_in,
    FALSE AS is_application
FROM node_states
WHERE
    state IN ('down', 'drain')
    AND NOT planned
    AND symptom IS NOT NULL
    AND symptom NOT IN ('node_unresponsive', 'other', 'application', 'out_of_memory')
