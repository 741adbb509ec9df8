-- One row: what the ledger rests on: its window, its nodes, and what had to be assumed or left out.
WITH squeezed AS (
    SELECT sum(allocated_seconds / share - allocated_seconds) FILTER (WHERE share > 0) / 3.6e3 AS hours
    FROM node_allocation
    WHERE squeezed_from_micros IS NOT NULL
),

parts AS (
    SELECT
        count(*) AS attempts,
        count(*) FILTER (WHERE nodes IS NULL OR len(nodes) = 0) AS without_nodes,
        sum(run_seconds * gpu_count) FILTER (WHERE checkpoint_source = 'logged') AS logged_gpu_seconds,
        sum(run_seconds * gpu_count) AS gpu_seconds
    FROM attempt_parts
),

covered AS (
    SELECT min(timestamp_micros(from_micros)) AS from_utc, max(timestamp_micros(to_micros)) AS to_utc FROM ledger_window
)

SELECT
    covered.from_utc,
    covered.to_utc,
    (SELECT count(*) FROM (SELECT DISTINCT cluster, node FROM node_allocation)) AS nodes,
    (SELECT coalesce(sum(gpu_count), 0) FROM fleet) AS gpus,
    parts.attempts,
    parts.without_nodes,
    coalesce(parts.logged_gpu_seconds / nullif(parts.gpu_seconds, 0), 0) AS logged_share,
    coalesce(squeezed.hours, 0) AS beyond_capacity_hours
FROM covered CROSS JOIN parts CROSS JOIN squeezed
