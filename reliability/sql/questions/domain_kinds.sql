-- one row per cluster, kind of domain and domain: its nodes.
SELECT cluster, kind, domain, count(DISTINCT node) AS nodes FROM failure_domains GROUP BY ALL ORDER BY cluster, kind, domain
