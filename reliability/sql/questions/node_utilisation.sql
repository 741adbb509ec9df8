-- node_utilisation
-- one row per node of the fleet: the share of its time in the fleet in which a job ran on it, at most 1. Jobs that share
-- a node count it once each, so that shared nodes reach 1 early.
WITH busy AS (
    SELECT cluster, unnest(nodes) AS unit, run_seconds FROM attempts
),

ran AS (
    SELECT cluster, unit, sum(run_seconds) AS run_seconds FROM busy GROUP BY cluster, unit
)

SELECT
    fleet.cluster,
    fleet.node AS unit,
    least(1, coalesce(max(ran.run_seconds), 0) / (sum(fleet.to_micros - fleet.from_micros) / 1e6)) AS utilisation
FROM fleet
INNER JOIN observation ON fleet.cluster = observation.cluster AND observation.table_name = 'jobs'
LEFT JOIN ran ON fleet.cluster = ran.cluster AND fleet.node = ran.unit
GROUP BY fleet.cluster, fleet.node
ORDER BY fleet.cluster, fleet.node
