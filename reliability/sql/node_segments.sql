-- grain: cluster, node and stretch of one UTC day that the node spends in one state (microseconds since 1970).
-- inputs: fleet, node_intervals.
-- Each second that a node belongs to the fleet within the observation counts once, in the worst state that any record
-- gives it: down unplanned > down planned or maintenance > drain > unknown > up. `planned`: somebody chose this state.
WITH states AS (
    SELECT
        node_intervals.cluster,
        node_intervals.node,
        greatest(node_intervals.from_micros, fleet.from_micros) AS from_micros,
        least(coalesce(node_intervals.to_micros, fleet.to_micros), fleet.to_micros) AS to_micros,
        CASE
            WHEN node_intervals.state = 'down' AND NOT node_intervals.planned THEN 'down_unplanned'
            WHEN node_intervals.state IN ('down', 'maintenance') THEN 'down_planned'
            WHEN node_intervals.state = 'drain' AND node_intervals.planned THEN 'drain_planned'
            ELSE node_intervals.state
        END AS state
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

-- A change is a moment at which a node enters (1) or leaves (-1) the fleet or a state, or a day begins (0).
changes AS (
    SELECT cluster, node, from_micros AS at_micros, 'member' AS what, 1 AS change FROM fleet
    UNION ALL
    SELECT cluster, node, to_micros, 'member', -1 FROM fleet
    UNION ALL
    SELECT cluster, node, day * 86400000000, 'day', 0 FROM days
    UNION ALL
    SELECT cluster, node, from_micros, state, 1 FROM states WHERE state <> 'up' AND from_micros < to_micros
    UNION ALL
    SELECT cluster, node, to_micros, state, -1 FROM states WHERE state <> 'up' AND from_micros < to_micros
),

moments AS (
    SELECT
        cluster,
        node,
        at_micros,
        sum(CASE WHEN what = 'member' THEN change ELSE 0 END) AS member,
        sum(CASE WHEN what = 'down_unplanned' THEN change ELSE 0 END) AS down,
        sum(CASE WHEN what = 'down_planned' THEN change ELSE 0 END) AS planned,
        sum(CASE WHEN what = 'drain' THEN change ELSE 0 END) AS drain,
        sum(CASE WHEN what = 'drain_planned' THEN change ELSE 0 END) AS drain_planned,
        sum(CASE WHEN what = 'unknown' THEN change ELSE 0 END) AS unknown
    FROM changes
    GROUP BY cluster, node, at_micros
),

segments AS (
    SELECT
        cluster,
        node,
        at_micros,
        lead(at_micros) OVER (PARTITION BY cluster, node ORDER BY at_micros) AS to_micros,
        sum(member) OVER (PARTITION BY cluster, node ORDER BY at_micros) AS member,
        sum(down) OVER (PARTITION BY cluster, node ORDER BY at_micros) AS down,
        sum(planned) OVER (PARTITION BY cluster, node ORDER BY at_micros) AS planned,
        sum(drain) OVER (PARTITION BY cluster, node ORDER BY at_micros) AS drain,
        sum(drain_planned) OVER (PARTITION BY cluster, node ORDER BY at_micros) AS drain_planned,
        sum(unknown) OVER (PARTITION BY cluster, node ORDER BY at_micros) AS unknown
    FROM moments
)

SELECT
    cluster,
    node,
    CAST(floor(at_micros / 8.64e10) AS BIGINT) AS day_number,
    at_micros AS from_micros,
    to_micros,
    CASE
        WHEN down > 0 THEN 'down_unplanned'
        WHEN planned > 0 THEN 'down_planned'
        WHEN drain > 0 OR drain_planned > 0 THEN 'drain'
        WHEN unknown > 0 THEN 'unknown'
        ELSE 'up'
    END AS state,
    down <= 0 AND (planned > 0 OR (drain <= 0 AND drain_planned > 0)) AS planned
FROM segments
WHERE member > 0 AND to_micros > at_micros
