-- grain: cluster, node and interval during which the node belongs to the fleet (microseconds since 1970).
-- inputs: nodes, jobs, node_states, events, components, observation.
-- The `nodes` table where a source gave one. A node that only jobs, states or events name counts from the beginning
-- to the end of the observation; a node that none of them names is unknown, so without a `nodes` table the fleet of a
-- quiet cluster is a lower bound.
WITH window_of_cluster AS (
    SELECT
        cluster,
        coalesce(
            min(CASE WHEN table_name = 'node_states' THEN from_micros END),
            min(CASE WHEN table_name = 'jobs' THEN from_micros END),
            min(from_micros)
        ) AS from_micros,
        coalesce(
            max(CASE WHEN table_name = 'node_states' THEN to_micros END),
            max(CASE WHEN table_name = 'jobs' THEN to_micros END),
            max(to_micros)
        ) AS to_micros,
        coalesce(
            max(CASE WHEN table_name = 'node_states' THEN last_micros END),
            max(CASE WHEN table_name = 'jobs' THEN last_micros END),
            max(last_micros)
        ) AS last_micros
    FROM observation
    WHERE table_name IN ('node_states', 'jobs', 'events')
    GROUP BY cluster
),

-- Every node that a job names, and what the largest whole-node allocation says about it.
allocated AS (
    SELECT cluster, node, max(gpus_per_node) AS gpu_count, max(gpu_model) AS gpu_model
    FROM (
        SELECT
            cluster,
            explode(nodes) AS node,
            CASE
                WHEN start_utc IS NOT NULL AND node_count > 0 THEN CAST(ceil(gpu_count / CAST(node_count AS DOUBLE)) AS INT)
            END AS gpus_per_node,
            CASE WHEN start_utc IS NOT NULL AND node_count > 0 AND gpu_count IS NOT NULL THEN gpu_model END AS gpu_model
        FROM jobs
    ) AS shares
    GROUP BY cluster, node
),

seen AS (
    SELECT cluster, node FROM node_states
    UNION
    SELECT cluster, node FROM allocated
    UNION
    SELECT events.cluster, events.node
    FROM events
    LEFT JOIN components
        ON events.cluster = components.cluster
        AND events.component_id = components.component_id
        AND components.installed_utc IS NOT NULL
    WHERE events.node IS NOT NULL AND components.component_id IS NULL
),

named AS (
    SELECT
        cluster,
        node,
        unix_micros(from_utc) AS from_micros,
        unix_micros(to_utc) AS to_micros,
        gpu_count,
        gpu_model,
        rack,
        pod
    FROM nodes
),

unnamed AS (
    SELECT seen.cluster, seen.node
    FROM seen LEFT JOIN (SELECT DISTINCT cluster, node FROM named) AS known
        ON seen.cluster = known.cluster AND seen.node = known.node
    WHERE known.node IS NULL AND seen.node IS NOT NULL
),

everyone AS (
    SELECT cluster, node, from_micros, to_micros, gpu_count, gpu_model, rack, pod FROM named
    UNION ALL
    SELECT
        cluster,
        node,
        CAST(NULL AS BIGINT) AS from_micros,
        CAST(NULL AS BIGINT) AS to_micros,
        CAST(NULL AS INT) AS gpu_count,
        CAST(NULL AS STRING) AS gpu_model,
        CAST(NULL AS STRING) AS rack,
        CAST(NULL AS STRING) AS pod
    FROM unnamed
),

bounded AS (
    SELECT
        everyone.cluster,
        everyone.node,
        greatest(window_of_cluster.from_micros, coalesce(everyone.from_micros, window_of_cluster.from_micros)) AS from_micros,
        least(window_of_cluster.to_micros, coalesce(everyone.to_micros, window_of_cluster.to_micros)) AS to_micros,
        least(window_of_cluster.last_micros, coalesce(everyone.to_micros, window_of_cluster.last_micros)) AS last_micros,
        coalesce(everyone.gpu_count, allocated.gpu_count) AS gpu_count,
        coalesce(everyone.gpu_model, allocated.gpu_model) AS gpu_model,
        everyone.rack,
        everyone.pod
    FROM everyone
    INNER JOIN window_of_cluster ON everyone.cluster = window_of_cluster.cluster
    LEFT JOIN allocated ON everyone.cluster = allocated.cluster AND everyone.node = allocated.node
),

-- Two exports may name one stay of a node with different beginnings: stays that touch or overlap are one, or its
-- failures would count twice.
reached AS (
    SELECT
        *,
        max(to_micros) OVER (
            PARTITION BY cluster, node ORDER BY from_micros, to_micros ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING
        ) AS reached_micros
    FROM bounded
    WHERE from_micros < to_micros
),

stays AS (
    SELECT
        *,
        sum(CASE WHEN reached_micros >= from_micros THEN 0 ELSE 1 END) OVER (
            PARTITION BY cluster, node ORDER BY from_micros, to_micros ROWS BETWEEN UNBOUNDED PRECEDING AND CURRENT ROW
        ) AS stay_number
    FROM reached
)

SELECT
    cluster,
    node,
    min(from_micros) AS from_micros,
    max(to_micros) AS to_micros,
    max(last_micros) AS last_micros,
    max(gpu_count) AS gpu_count,
    max(gpu_model) AS gpu_model,
    max(rack) AS rack,
    max(pod) AS pod
FROM stays
GROUP BY cluster, node, stay_number

