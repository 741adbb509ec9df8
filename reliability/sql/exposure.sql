-- grain: cluster, node and UTC day.
-- inputs: fleet, node_segments.
-- The denominator of every rate: the seconds of `node_segments`, each in the worst state that any record gives it. The
-- five columns add up to in_service_seconds; calendar in-service node-days (time down included) are in_service / 86400.
WITH described AS (
    SELECT cluster, node, max(gpu_count) AS gpu_count, max(gpu_model) AS gpu_model, max(rack) AS rack, max(pod) AS pod
    FROM fleet
    GROUP BY cluster, node
),

judged AS (
    SELECT cluster, node, day_number, state, (to_micros - from_micros) / 1e6 AS seconds FROM node_segments
)

SELECT
    judged.cluster,
    judged.node,
    date_from_unix_date(judged.day_number) AS day,
    max(described.gpu_count) AS gpu_count,
    max(described.gpu_model) AS gpu_model,
    max(described.rack) AS rack,
    max(described.pod) AS pod,
    sum(judged.seconds) AS in_service_seconds,
    sum(CASE WHEN judged.state = 'up' THEN judged.seconds ELSE 0e0 END) AS up_seconds,
    sum(CASE WHEN judged.state = 'unknown' THEN judged.seconds ELSE 0e0 END) AS unknown_seconds,
    sum(CASE WHEN judged.state = 'drain' THEN judged.seconds ELSE 0e0 END) AS drain_seconds,
    sum(CASE WHEN judged.state = 'down_planned' THEN judged.seconds ELSE 0e0 END) AS down_planned_seconds,
    sum(CASE WHEN judged.state = 'down_unplanned' THEN judged.seconds ELSE 0e0 END) AS down_unplanned_seconds
FROM judged
INNER JOIN described ON judged.cluster = described.cluster AND judged.node = described.node
GROUP BY judged.cluster, judged.node, judged.day_number
