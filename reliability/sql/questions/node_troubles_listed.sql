-- one row per trouble of a node, in order of time.
SELECT
    cluster,
    node,
    from_utc,
    back_utc,
    CAST(floor(at_micros / 8.64e10) AS BIGINT) AS day_number,
    CAST(floor(back_micros / 8.64e10) AS BIGINT) AS back_day_number,
    outages,
    attempts,
    multi_node_attempts,
    symptom,
    reason,
    nodes_hit,
    is_shared,
    seconds_since_repair,
    is_relapse,
    swapped_components,
    is_repair
FROM node_troubles
ORDER BY cluster, node, at_micros
