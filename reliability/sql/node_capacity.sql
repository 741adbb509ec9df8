-- grain: cluster and node: what can be allocated on it, in millionths of the unit (parameters.unit).
-- inputs: fleet, attempts, nodes, ledger_window, parameters.
-- `gpu`: its GPUs; a node without any has capacity 0. `node`: one node, which attempts share by their CPUs: of as many
-- as the inventory says (nodes.attributes, `cpus`), else of the most that were ever allocated at once. Amounts are whole
-- millionths, so that sums of them are exact. `node_number` names the node in one number, quicker to sort by than two
-- texts; the window is that of the cluster's ledger.
WITH held AS (
    SELECT
        attempts.cluster,
        explode(attempts.nodes) AS node,
        attempts.cpu_count / CAST(size(attempts.nodes) AS DOUBLE) AS cpus,
        attempts.left_micros - attempts.run_micros AS from_micros,
        attempts.left_micros AS to_micros
    FROM attempts CROSS JOIN parameters
    WHERE parameters.unit = 'node' AND attempts.run_micros > 0 AND attempts.cpu_count > 0
),

changes AS (
    SELECT cluster, node, from_micros AS at_micros, cpus, 1 AS begins FROM held
    UNION ALL
    SELECT cluster, node, to_micros, -cpus, 0 FROM held
),

-- What ends in a moment makes room for what begins in it.
at_once AS (
    SELECT
        cluster,
        node,
        sum(cpus) OVER (
            PARTITION BY cluster, node ORDER BY at_micros, begins ROWS BETWEEN UNBOUNDED PRECEDING AND CURRENT ROW
        ) AS cpus
    FROM changes
),

largest AS (
    SELECT cluster, node, max(cpus) AS cpus FROM at_once GROUP BY cluster, node
),

stated AS (
    SELECT cluster, node, max(CAST(attributes['cpus'] AS DOUBLE)) AS cpus FROM nodes GROUP BY cluster, node
),

members AS (
    SELECT cluster, node, max(gpu_count) AS gpu_count FROM fleet GROUP BY cluster, node
)

SELECT
    members.cluster,
    members.node,
    row_number() OVER (ORDER BY members.cluster, members.node) AS node_number,
    CASE
        WHEN parameters.unit = 'node' THEN 1000000
        ELSE CAST(coalesce(members.gpu_count, 0) AS BIGINT) * 1000000
    END AS capacity,
    coalesce(stated.cpus, largest.cpus) AS cpus,
    ledger_window.from_micros AS window_from_micros,
    ledger_window.to_micros AS window_to_micros
FROM members
INNER JOIN ledger_window ON members.cluster = ledger_window.cluster
CROSS JOIN parameters
LEFT JOIN stated ON members.cluster = stated.cluster AND members.node = stated.node
LEFT JOIN largest ON members.cluster = largest.cluster AND members.node = largest.node
