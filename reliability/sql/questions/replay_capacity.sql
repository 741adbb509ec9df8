-- What draining nodes takes away, in unit-seconds: what the nodes of $drained_clusters and $drained_nodes worked (held by
-- jobs) or could have (idle), and what they were down unplanned, from the day of $drained_micros on; and how much of the
-- former the whole cluster stood idle on the same day, so that others could have done it.
WITH drained AS (
    SELECT
        unnest(CAST($drained_clusters AS VARCHAR[])) AS cluster,
        unnest(CAST($drained_nodes AS VARCHAR[])) AS node,
        unnest(CAST($drained_micros AS BIGINT[])) AS drained_micros
),

taken AS (
    SELECT
        allocation.cluster,
        allocation.day_number,
        sum(allocated_seconds) + coalesce(sum(unallocated_seconds) FILTER (WHERE bucket = 'idle'), 0) AS up_seconds,
        coalesce(sum(unallocated_seconds) FILTER (WHERE bucket = 'down_unplanned'), 0) AS down_seconds
    FROM node_allocation AS allocation
    INNER JOIN drained ON allocation.cluster = drained.cluster AND allocation.node = drained.node
    WHERE allocation.day_number * 86400000000 >= drained.drained_micros
    GROUP BY allocation.cluster, allocation.day_number
),

idle AS (
    SELECT cluster, day_number, sum(unallocated_seconds) AS idle_seconds
    FROM node_allocation
    WHERE bucket = 'idle'
    GROUP BY cluster, day_number
)

SELECT
    coalesce(sum(taken.up_seconds), 0) AS up_seconds,
    coalesce(sum(taken.down_seconds), 0) AS down_seconds,
    coalesce(sum(least(taken.up_seconds, coalesce(idle.idle_seconds, 0))), 0) AS from_idle_seconds
FROM taken
LEFT JOIN idle ON taken.cluster = idle.cluster AND taken.day_number = idle.day_number
