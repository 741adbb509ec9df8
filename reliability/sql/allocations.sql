-- grain: attempt and node that it held within the window of the ledger.
-- inputs: attempts, ledger_window, node_capacity, parameters.
-- `amount`: what it held, in millionths of the unit: its GPUs, spread evenly over its nodes; or, of a shared node, the
-- share of CPUs. An attempt whose CPUs, or whose node's, nobody knows takes the whole node. Rounded down, so that shares
-- that fill a node do not overfill it.
WITH held AS (
    SELECT
        attempts.cluster,
        attempts.job_id_raw,
        attempts.attempt,
        explode(attempts.nodes) AS node,
        CAST(size(attempts.nodes) AS DOUBLE) AS held_nodes,
        attempts.gpu_count,
        attempts.cpu_count,
        greatest(attempts.left_micros - attempts.run_micros, ledger_window.from_micros) AS from_micros,
        least(attempts.left_micros, ledger_window.to_micros) AS to_micros,
        parameters.unit
    FROM attempts
    INNER JOIN ledger_window ON attempts.cluster = ledger_window.cluster
    CROSS JOIN parameters
    WHERE
        attempts.run_micros > 0
        AND attempts.left_micros > ledger_window.from_micros
        AND attempts.left_micros - attempts.run_micros < ledger_window.to_micros
        AND (parameters.unit = 'node' OR attempts.gpu_count > 0)
)

SELECT
    held.cluster,
    held.job_id_raw,
    held.attempt,
    held.node,
    node_capacity.node_number,
    held.from_micros,
    held.to_micros,
    CAST(
        floor(
            1e6 * CASE
                WHEN held.unit = 'gpu' THEN held.gpu_count / held.held_nodes
                ELSE least(1e0, coalesce(held.cpu_count / held.held_nodes / node_capacity.cpus, 1e0))
            END
        ) AS BIGINT
    ) AS amount
FROM held
INNER JOIN node_capacity ON held.cluster = node_capacity.cluster AND held.node = node_capacity.node
