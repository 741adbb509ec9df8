-- grain: attempt and node that it held within the window of the ledger.
-- inputs: attempts, node_capacity, parameters.
-- `amount`: what it held, in millionths of the unit: its GPUs, spread evenly over its nodes; or, of a shared node, the
-- share of CPUs. An attempt whose CPUs, or whose node's, nobody knows takes the whole node. Rounded down, so that shares
-- that fill a node do not overfill it.
WITH held AS (
    SELECT
        attempts.cluster,
        attempts.job_id_raw,
        attempts.attempt,
        explode(attempts.nodes) AS node,
        CASE WHEN parameters.unit = 'gpu' THEN attempts.gpu_count / CAST(size(attempts.nodes) AS DOUBLE) END AS gpus,
        attempts.cpu_count / CAST(size(attempts.nodes) AS DOUBLE) AS cpus,
        attempts.left_micros - attempts.run_micros AS from_micros,
        attempts.left_micros AS to_micros
    FROM attempts CROSS JOIN parameters
    WHERE attempts.run_micros > 0 AND (parameters.unit = 'node' OR attempts.gpu_count > 0)
)

SELECT
    held.cluster,
    held.job_id_raw,
    held.attempt,
    held.node,
    node_capacity.node_number,
    greatest(held.from_micros, node_capacity.window_from_micros) AS from_micros,
    least(held.to_micros, node_capacity.window_to_micros) AS to_micros,
    CAST(
        floor(1e6 * coalesce(held.gpus, least(1e0, coalesce(held.cpus / node_capacity.cpus, 1e0)))) AS BIGINT
    ) AS amount
FROM held
INNER JOIN node_capacity ON held.cluster = node_capacity.cluster AND held.node = node_capacity.node
WHERE held.to_micros > node_capacity.window_from_micros AND held.from_micros < node_capacity.window_to_micros
