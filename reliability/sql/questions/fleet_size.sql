-- one row: nodes and GPUs of the fleet, and the time it was observed.
WITH described AS (
    SELECT cluster, node, max(gpu_count) AS gpu_count, min(from_micros) AS from_micros, max(to_micros) AS to_micros
    FROM fleet
    GROUP BY cluster, node
)

SELECT
    count(*) AS nodes,
    coalesce(sum(gpu_count), 0) AS gpus,
    timestamp_micros(min(from_micros)) AS from_utc,
    timestamp_micros(max(to_micros)) AS to_utc
FROM described
