-- one row per domain: the nodes of the fleet that are, or ever were, in it.
SELECT failure_domains.cluster, failure_domains.kind, failure_domains.domain, list(DISTINCT failure_domains.node) AS nodes
FROM failure_domains
INNER JOIN (SELECT DISTINCT cluster, node FROM fleet) AS known
    ON failure_domains.cluster = known.cluster AND failure_domains.node = known.node
GROUP BY ALL
ORDER BY failure_domains.cluster, failure_domains.kind, failure_domains.domain
