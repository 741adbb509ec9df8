-- one row per node, user and size of job: ended attempts, and those that FAILED without a sign of the infrastructure.
-- An attempt on n nodes counts 1 / n on each. Sizes are powers of two of the nodes.
WITH ended AS (
    SELECT
        attempts.cluster,
        attempts.user,
        attempts.node_count,
        attempts.nodes,
        CASE WHEN attributions.cause = 'user_program' THEN 1e0 ELSE 0e0 END AS failed
    FROM attempts
    LEFT JOIN attributions
        ON attempts.cluster = attributions.cluster
        AND attempts.job_id_raw = attributions.job_id_raw
        AND attempts.attempt = attributions.attempt
    WHERE
        attempts.ended
        AND attempts.state IN ('COMPLETED', 'FAILED', 'TIMEOUT', 'NODE_FAIL')
        AND attempts.node_count > 0
        AND NOT coalesce(attempts.step_out_of_memory, FALSE)
)

SELECT
    cluster,
    node,
    coalesce(ended.user, '') AS user_name,
    CAST(floor(log2(node_count)) AS BIGINT) AS size_class,
    sum(1e0 / node_count) AS attempts,
    sum(failed / node_count) AS failures
FROM (SELECT *, unnest(nodes) AS node FROM ended) AS ended
GROUP BY cluster, node, coalesce(ended.user, ''), size_class
