-- one row per cluster, kind of failure domain, size of attempt in nodes, and number of domains it stood on: attempts of two
-- nodes and more, those the infrastructure ended, and node-days of run time.
-- A node may be in several domains of a kind (on the ToR of each rail): `stood_on` counts sets of them, the domains that
-- the attempt touched over those of one node. `fewest` is the least number that the largest domains of the kind allow.
-- Where a node stood is told as of the attempt's start; attempts with a node that nobody places are left out.
WITH placed AS (
    SELECT
        attempts.cluster,
        attempts.job_id_raw,
        attempts.attempt,
        attempts.start_micros,
        attempts.run_seconds,
        len(attempts.nodes) AS size,
        unnest(attempts.nodes) AS node
    FROM attempts
    WHERE len(attempts.nodes) > 1 AND attempts.state <> 'UNKNOWN'
),

in_domains AS (
    SELECT
        placed.cluster,
        placed.job_id_raw,
        placed.attempt,
        placed.size,
        placed.run_seconds,
        failure_domains.kind,
        count(DISTINCT failure_domains.domain) AS domains,
        count(DISTINCT placed.node) AS nodes_placed,
        count(*) AS memberships
    FROM placed
    INNER JOIN failure_domains
        ON placed.cluster = failure_domains.cluster
        AND placed.node = failure_domains.node
        AND (failure_domains.from_micros IS NULL OR failure_domains.from_micros <= placed.start_micros)
        AND (failure_domains.to_micros IS NULL OR failure_domains.to_micros > placed.start_micros)
    GROUP BY ALL
),

largest AS (
    SELECT cluster, kind, max(nodes) AS nodes_in_domain, count(*) AS domains_of_kind
    FROM (
        SELECT cluster, kind, domain, count(DISTINCT node) AS nodes FROM failure_domains GROUP BY cluster, kind, domain
    )
    GROUP BY cluster, kind
)

SELECT
    in_domains.cluster,
    in_domains.kind,
    in_domains.size AS node_count,
    CAST(greatest(1, round(in_domains.domains * in_domains.nodes_placed / in_domains.memberships)) AS BIGINT) AS stood_on,
    CAST(ceil(in_domains.size / any_value(largest.nodes_in_domain)) AS BIGINT) AS fewest,
    count(*) AS attempts,
    count(*) FILTER (WHERE coalesce(attributions.is_infrastructure, FALSE)) AS failures,
    sum(in_domains.run_seconds * in_domains.size) / 8.64e4 AS node_days
FROM in_domains
INNER JOIN largest
    ON in_domains.cluster = largest.cluster AND in_domains.kind = largest.kind AND largest.domains_of_kind > 1
LEFT JOIN attributions
    ON in_domains.cluster = attributions.cluster
    AND in_domains.job_id_raw = attributions.job_id_raw
    AND in_domains.attempt = attributions.attempt
WHERE in_domains.nodes_placed = in_domains.size
GROUP BY in_domains.cluster, in_domains.kind, in_domains.size, stood_on
ORDER BY in_domains.cluster, in_domains.kind, in_domains.size, stood_on
