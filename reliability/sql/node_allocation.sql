-- grain: cluster, node, UTC day and bucket of what is not allocated; and each stretch with more allocated than there is.
-- inputs: allocations, node_capacity, node_segments, requests.
-- Where the capacity of a node went, in unit-seconds (parameters.unit). Allocated seconds belong to the attempt, even
-- while the node drains or dies. What is not allocated falls into the bucket of the node's worst state: a node drained
-- because somebody planned to is as good as down; one that is up and free is `serving` while it answers requests (from
-- the first it took in to the last it ended), else `idle`.
-- A log may allocate more than a node has (GPUs shared, clocks apart, a node that had left the fleet): then each attempt
-- is charged its `share`, capacity / allocated, so that nothing exceeds capacity.
WITH states AS (
    SELECT
        node_capacity.node_number,
        greatest(node_segments.from_micros, node_capacity.window_from_micros) AS from_micros,
        least(node_segments.to_micros, node_capacity.window_to_micros) AS to_micros,
        CASE
            WHEN node_segments.planned THEN 4e0
            WHEN node_segments.state = 'down_unplanned' THEN 5e0
            WHEN node_segments.state = 'drain' THEN 3e0
            WHEN node_segments.state = 'unknown' THEN 2e0
            ELSE 1e0
        END AS state
    FROM node_segments
    INNER JOIN node_capacity ON node_segments.cluster = node_capacity.cluster AND node_segments.node = node_capacity.node
    WHERE
        node_segments.from_micros < node_capacity.window_to_micros
        AND node_segments.to_micros > node_capacity.window_from_micros
),

served AS (
    SELECT
        node_capacity.node_number,
        min(unix_micros(requests.arrival_utc)) AS from_micros,
        max(unix_micros(coalesce(requests.end_utc, requests.arrival_utc))) AS to_micros
    FROM requests
    INNER JOIN node_capacity ON requests.cluster = node_capacity.cluster AND requests.node = node_capacity.node
    GROUP BY node_capacity.node_number
),

-- A change is a moment at which an amount is taken or given back, or a state entered or left. The states of a node do
-- not overlap, so that their running sum is the state of now (0: no member of the fleet), 10 more while it serves.
-- Numbers are DOUBLE because sums of whole ones are exact in it, and twice as quick as in the widened BIGINT.
changes AS (
    SELECT node_number, from_micros AS at_micros, CAST(amount AS DOUBLE) AS amount, 0e0 AS state FROM allocations
    UNION ALL
    SELECT node_number, to_micros, CAST(-amount AS DOUBLE), 0e0 FROM allocations
    UNION ALL
    SELECT node_number, from_micros, 0e0, state FROM states
    UNION ALL
    SELECT node_number, to_micros, 0e0, -state FROM states
    UNION ALL
    SELECT node_number, from_micros, 0e0, 10e0 FROM served
    UNION ALL
    SELECT node_number, to_micros, 0e0, -10e0 FROM served
),

-- Changes of one moment stand in any order: what lies between them lasts no time.
stretches AS (
    SELECT
        node_number,
        at_micros AS from_micros,
        lead(at_micros) OVER (PARTITION BY node_number ORDER BY at_micros) AS to_micros,
        sum(amount) OVER (
            PARTITION BY node_number ORDER BY at_micros ROWS BETWEEN UNBOUNDED PRECEDING AND CURRENT ROW
        ) AS allocated,
        sum(state) OVER (
            PARTITION BY node_number ORDER BY at_micros ROWS BETWEEN UNBOUNDED PRECEDING AND CURRENT ROW
        ) AS state
    FROM changes
),

judged AS (
    SELECT
        node_capacity.cluster,
        node_capacity.node,
        CAST(floor(stretches.from_micros / 8.64e10) AS BIGINT) AS day_number,
        stretches.from_micros,
        stretches.to_micros,
        (stretches.to_micros - stretches.from_micros) / 1e12 AS seconds,
        stretches.allocated,
        CASE WHEN stretches.state NOT IN (0e0, 10e0) THEN CAST(node_capacity.capacity AS DOUBLE) ELSE 0e0 END AS capacity,
        CASE
            WHEN stretches.state IN (5e0, 15e0) THEN 'down_unplanned'
            WHEN stretches.state IN (4e0, 14e0) THEN 'down_planned'
            WHEN stretches.state IN (3e0, 13e0) THEN 'drained'
            WHEN stretches.state IN (2e0, 12e0) THEN 'unknown'
            WHEN stretches.state >= 10e0 THEN 'serving'
            ELSE 'idle'
        END AS bucket
    FROM stretches
    INNER JOIN node_capacity ON stretches.node_number = node_capacity.node_number
    WHERE stretches.to_micros > stretches.from_micros AND (stretches.state NOT IN (0e0, 10e0) OR stretches.allocated > 0e0)
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
