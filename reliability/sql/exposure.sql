-- grain: cluster, node and UTC day.
-- inputs: fleet, node_intervals.
-- The denominator of every rate. Each second that a node belongs to the fleet within the observation counts once, in
-- the worst state that any record gives it: down unplanned > down planned or maintenance > drain > unknown > up. The
-- five columns add up to in_service_seconds; calendar in-service node-days (time down included) are in_service / 86400.
WITH states AS (
    SELECT
        node_intervals.cluster,
        node_intervals.node,
        greatest(node_intervals.from_micros, fleet.from_micros) AS from_micros,
        least(coalesce(node_intervals.to_micros, fleet.to_micros), fleet.to_micros) AS to_micros,
        CASE
            WHEN node_intervals.state = 'down' AND NOT node_intervals.planned THEN 4
            WHEN node_intervals.state IN ('down', 'maintenance') THEN 3
            WHEN node_intervals.state = 'drain' THEN 2
            WHEN node_intervals.state = 'unknown' THEN 1
            ELSE 0
        END AS badness
    FROM node_intervals
    INNER JOIN fleet ON node_intervals.cluster = fleet.cluster AND node_intervals.node = fleet.node
),

days AS (
    SELECT
        cluster,
        node,
        explode(sequence(CAST(floor(from_micros / 8.64e10) AS BIGINT), CAST(floor((to_micros - 1) / 8.64e10) AS BIGINT))) AS day
    FROM fleet
),

-- A change is a moment at which a node enters (+1) or leaves (-1) a state, or a day begins (0).
changes AS (
    SELECT cluster, node, from_micros AS at_micros, 1 AS member, 0 AS down, 0 AS planned, 0 AS drain, 0 AS unknown FROM fleet
    UNION ALL
    SELECT cluster, node, to_micros, -1, 0, 0, 0, 0 FROM fleet
    UNION ALL
    SELECT cluster, node, day * 86400000000, 0, 0, 0, 0, 0 FROM days
    UNION ALL
    SELECT
        cluster,
        node,
        from_micros,
        0,
        CASE WHEN badness = 4 THEN 1 ELSE 0 END,
        CASE WHEN badness = 3 THEN 1 ELSE 0 END,
        CASE WHEN badness = 2 THEN 1 ELSE 0 END,
        CASE WHEN badness = 1 THEN 1 ELSE 0 END
    FROM states
    WHERE badness > 0 AND from_micros < to_micros
    UNION ALL
    SELECT
        cluster,
        node,
        to_micros,
        0,
        CASE WHEN badness = 4 THEN -1 ELSE 0 END,
        CASE WHEN badness = 3 THEN -1 ELSE 0 END,
        CASE WHEN badness = 2 THEN -1 ELSE 0 END,
        CASE WHEN badness = 1 THEN -1 ELSE 0 END
    FROM states
    WHERE badness > 0 AND from_micros < to_micros
),

moments AS (
    SELECT
        cluster,
        node,
        at_micros,
        sum(member) AS member,
        sum(down) AS down,
        sum(planned) AS planned,
        sum(drain) AS drain,
        sum(unknown) AS unknown
    FROM changes
    GROUP BY cluster, node, at_micros
),

segments AS (
    SELECT
        cluster,
        node,
        at_micros,
        lead(at_micros) OVER (PARTITION BY cluster, node ORDER BY at_micros) - at_micros AS length_micros,
        sum(member) OVER (PARTITION BY cluster, node ORDER BY at_micros) AS member,
        sum(down) OVER (PARTITION BY cluster, node ORDER BY at_micros) AS down,
        sum(planned) OVER (PARTITION BY cluster, node ORDER BY at_micros) AS planned,
        sum(drain) OVER (PARTITION BY cluster, node ORDER BY at_micros) AS drain,
        sum(unknown) OVER (PARTITION BY cluster, node ORDER BY at_micros) AS unknown
    FROM moments
),

judged AS (
    SELECT
        cluster,
        node,
        CAST(floor(at_micros / 8.64e10) AS BIGINT) AS day,
        length_micros / 1e6 AS seconds,
        CASE
            WHEN down > 0 THEN 'down_unplanned'
            WHEN planned > 0 THEN 'down_planned'
            WHEN drain > 0 THEN 'drain'
            WHEN unknown > 0 THEN 'unknown'
            ELSE 'up'
        END AS state
    FROM segments
    WHERE member > 0 AND length_micros > 0
),

described AS (
    SELECT cluster, node, max(gpu_count) AS gpu_count, max(gpu_model) AS gpu_model, max(rack) AS rack, max(pod) AS pod
    FROM fleet
    GROUP BY cluster, node
)

SELECT
    judged.cluster,
    judged.node,
    date_from_unix_date(judged.day) AS day,
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
GROUP BY judged.cluster, judged.node, judged.day
