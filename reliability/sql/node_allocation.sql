-- grain: cluster, node, UTC day and bucket of what is not allocated; and each stretch with more allocated than there is.
-- inputs: allocations, node_capacity, node_segments, ledger_window, requests.
-- Where the capacity of a node went, in unit-seconds (parameters.unit). Allocated seconds belong to the attempt, even
-- while the node drains or dies. What is not allocated falls into the bucket of the node's worst state: a node drained
-- because somebody planned to is as good as down; one that is up and free is `serving` while it answers requests (from
-- the first it took in to the last it ended), else `idle`.
-- A log may allocate more than a node has (GPUs shared, clocks apart, a node that had left the fleet): then each attempt
-- is charged its `share`, capacity / allocated, so that nothing exceeds capacity.
WITH states AS (
    SELECT
        node_segments.cluster,
        node_segments.node,
        greatest(node_segments.from_micros, ledger_window.from_micros) AS from_micros,
        least(node_segments.to_micros, ledger_window.to_micros) AS to_micros,
        CASE
            WHEN node_segments.planned THEN 3
            WHEN node_segments.state = 'down_unplanned' THEN 4
            WHEN node_segments.state = 'drain' THEN 2
            WHEN node_segments.state = 'unknown' THEN 1
            ELSE 0
        END AS badness
    FROM node_segments
    INNER JOIN ledger_window ON node_segments.cluster = ledger_window.cluster
    WHERE node_segments.from_micros < ledger_window.to_micros AND node_segments.to_micros > ledger_window.from_micros
),

served AS (
    SELECT
        cluster,
        node,
        min(unix_micros(arrival_utc)) AS from_micros,
        max(unix_micros(coalesce(end_utc, arrival_utc))) AS to_micros
    FROM requests
    WHERE node IS NOT NULL
    GROUP BY cluster, node
),

days AS (
    SELECT
        node_capacity.cluster,
        node_capacity.node,
        explode(
            sequence(
                CAST(floor(ledger_window.from_micros / 8.64e10) AS BIGINT), CAST(floor(ledger_window.to_micros / 8.64e10) AS BIGINT)
            )
        ) AS day_number
    FROM node_capacity INNER JOIN ledger_window ON node_capacity.cluster = ledger_window.cluster
),

-- A change is a moment at which an amount is taken or given back, a state entered or left, or a day begins.
changes AS (
    SELECT cluster, node, from_micros AS at_micros, amount, 0 AS member, 0 AS badness, 0 AS serving FROM allocations
    UNION ALL
    SELECT cluster, node, to_micros, -amount, 0, 0, 0 FROM allocations
    UNION ALL
    SELECT cluster, node, from_micros, CAST(0 AS BIGINT), 1, badness, 0 FROM states
    UNION ALL
    SELECT cluster, node, to_micros, CAST(0 AS BIGINT), -1, -badness, 0 FROM states
    UNION ALL
    SELECT cluster, node, from_micros, CAST(0 AS BIGINT), 0, 0, 1 FROM served
    UNION ALL
    SELECT cluster, node, to_micros, CAST(0 AS BIGINT), 0, 0, -1 FROM served
    UNION ALL
    SELECT cluster, node, day_number * 86400000000, CAST(0 AS BIGINT), 0, 0, 0 FROM days
),

-- Changes of one moment stand in any order: what lies between them lasts no time.
stretches AS (
    SELECT
        cluster,
        node,
        at_micros AS from_micros,
        lead(at_micros) OVER (PARTITION BY cluster, node ORDER BY at_micros) AS to_micros,
        sum(amount) OVER (
            PARTITION BY cluster, node ORDER BY at_micros ROWS BETWEEN UNBOUNDED PRECEDING AND CURRENT ROW
        ) AS allocated,
        sum(member) OVER (
            PARTITION BY cluster, node ORDER BY at_micros ROWS BETWEEN UNBOUNDED PRECEDING AND CURRENT ROW
        ) AS member,
        sum(badness) OVER (
            PARTITION BY cluster, node ORDER BY at_micros ROWS BETWEEN UNBOUNDED PRECEDING AND CURRENT ROW
        ) AS badness,
        sum(serving) OVER (
            PARTITION BY cluster, node ORDER BY at_micros ROWS BETWEEN UNBOUNDED PRECEDING AND CURRENT ROW
        ) AS serving
    FROM changes
),

judged AS (
    SELECT
        stretches.cluster,
        stretches.node,
        CAST(floor(stretches.from_micros / 8.64e10) AS BIGINT) AS day_number,
        stretches.from_micros,
        stretches.to_micros,
        (stretches.to_micros - stretches.from_micros) / 1e12 AS seconds,
        CAST(stretches.allocated AS DOUBLE) AS allocated,
        CASE WHEN stretches.member > 0 THEN CAST(node_capacity.capacity AS DOUBLE) ELSE 0e0 END AS capacity,
        CASE
            WHEN stretches.badness >= 4 THEN 'down_unplanned'
            WHEN stretches.badness = 3 THEN 'down_planned'
            WHEN stretches.badness = 2 THEN 'drained'
            WHEN stretches.badness = 1 THEN 'unknown'
            WHEN stretches.serving > 0 THEN 'serving'
            ELSE 'idle'
        END AS bucket
    FROM stretches
    INNER JOIN node_capacity ON stretches.cluster = node_capacity.cluster AND stretches.node = node_capacity.node
    WHERE stretches.to_micros > stretches.from_micros AND (stretches.member > 0 OR stretches.allocated > 0)
)

SELECT
    cluster,
    node,
    day_number,
    bucket,
    CASE WHEN allocated > capacity THEN from_micros END AS squeezed_from_micros,
    CASE WHEN allocated > capacity THEN to_micros END AS squeezed_to_micros,
    min(CASE WHEN allocated > capacity THEN capacity / allocated ELSE 1e0 END) AS share,
    sum(capacity * seconds) AS capacity_seconds,
    sum(least(allocated, capacity) * seconds) AS allocated_seconds,
    sum((capacity - least(allocated, capacity)) * seconds) AS unallocated_seconds
FROM judged
GROUP BY
    cluster,
    node,
    day_number,
    bucket,
    CASE WHEN allocated > capacity THEN from_micros END,
    CASE WHEN allocated > capacity THEN to_micros END
