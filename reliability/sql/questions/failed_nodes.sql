-- one row per unplanned outage of a node, the latest first; $most rows.
SELECT
    cluster,
    node,
    from_utc AS failed_utc,
    to_utc AS back_utc,
    domain <> 'user_program' AS is_infrastructure,
    CASE WHEN component = 'node' AND symptom = 'node_unresponsive' THEN 'unattributed' ELSE component END AS cause,
    domain,
    reason AS message
FROM node_failures
ORDER BY from_utc DESC, node
LIMIT $most
