-- grain: unplanned outage of a node that began within the observation: how long until the node was repaired.
-- inputs: node_intervals, node_failures, fleet.
-- The clock runs from the beginning of the outage to its end, what continues it under a new reason included; a node
-- still down when observation ends is censored there. Outages of one node that overlap stay apart, as in `node_failures`. An
-- outage logged as over in the second it began counts as half a second, so that it was at risk.
WITH down AS (
    SELECT
        cluster,
        node,
        from_micros,
        to_micros,
        sum(CASE WHEN continues THEN 0 ELSE 1 END) OVER (
            PARTITION BY cluster, node ORDER BY from_micros, continues, coalesce(to_micros, from_micros)
            ROWS BETWEEN UNBOUNDED PRECEDING AND CURRENT ROW
        ) AS outage_number
    FROM node_intervals
    WHERE state = 'down' AND NOT planned
),

outages AS (
    SELECT
        cluster,
        node,
        outage_number,
        min(from_micros) AS from_micros,
        max(to_micros) AS to_micros,
        max(CASE WHEN to_micros IS NULL THEN 1 ELSE 0 END) AS is_open
    FROM down
    GROUP BY cluster, node, outage_number
),

begun AS (
    SELECT
        cluster,
        node,
        unix_micros(from_utc) AS from_micros,
        max(symptom) AS symptom,
        max(gpu_model) AS gpu_model,
        max(rack) AS rack,
        max(pod) AS pod
    FROM node_failures
    GROUP BY cluster, node, unix_micros(from_utc)
)

SELECT
    outages.cluster,
    CONCAT(outages.node, ' ', CAST(outages.from_micros AS STRING), '/', CAST(outages.outage_number AS STRING)) AS unit,
    greatest(
        CASE
            WHEN outages.is_open = 1 OR outages.to_micros > fleet.to_micros THEN fleet.to_micros
            ELSE outages.to_micros
        END - outages.from_micros,
        500000
    ) / 3.6e9 AS exit_hours,
    NOT (outages.is_open = 1 OR outages.to_micros > fleet.to_micros) AS observed,
    CASE WHEN NOT (outages.is_open = 1 OR outages.to_micros > fleet.to_micros) THEN begun.symptom END AS symptom,
    begun.gpu_model,
    begun.rack,
    begun.pod
FROM outages
INNER JOIN begun
    ON outages.cluster = begun.cluster
    AND outages.node = begun.node
    AND outages.from_micros = begun.from_micros
INNER JOIN fleet
    ON outages.cluster = fleet.cluster
    AND outages.node = fleet.node
    AND outages.from_micros >= fleet.from_micros
    AND outages.from_micros <= fleet.last_micros
