-- one row: failures of attempts with more than $min_gpus GPUs, as r_f counts them, and unplanned outages of nodes; and how
-- many of each have a link of the network as their cause ($symptoms).
WITH of_attempts AS (
    SELECT count(*) AS failures, count(*) FILTER (WHERE list_contains($symptoms, attributions.cause)) AS of_links
    FROM attempts
    INNER JOIN attributions
        ON attempts.cluster = attributions.cluster
        AND attempts.job_id_raw = attributions.job_id_raw
        AND attempts.attempt = attributions.attempt
    WHERE
        attributions.is_infrastructure
        AND attempts.ended
        AND attempts.node_count IS NOT NULL
        AND attempts.state <> 'UNKNOWN'
        AND ($min_gpus = 0 OR attempts.gpu_count > $min_gpus)
),

of_nodes AS (
    SELECT count(*) AS failures, count(*) FILTER (WHERE list_contains($symptoms, symptom)) AS of_links
    FROM node_failures
)

SELECT
    of_attempts.failures AS attempt_failures,
    of_attempts.of_links AS attempt_link_failures,
    of_nodes.failures AS node_failures,
    of_nodes.of_links AS node_link_failures
FROM of_attempts CROSS JOIN of_nodes
