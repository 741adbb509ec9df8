-- one row per place that nodes share (rack, chassis, power feed, pod, …), switches and planes left out: its nodes, and for
-- how many hours outages of the cluster's nodes were watched.
SELECT
    failure_domains.cluster,
    failure_domains.kind,
    failure_domains.domain,
    count(DISTINCT failure_domains.node) AS nodes,
    max(observation.to_micros - observation.from_micros) / 3.6e9 AS observed_hours
FROM failure_domains
INNER JOIN observation ON failure_domains.cluster = observation.cluster AND observation.table_name = 'node_states'
WHERE failure_domains.kind IN ('rack', 'chassis', 'power', 'cooling', 'pod', 'row', 'room', 'storage')
GROUP BY failure_domains.cluster, failure_domains.kind, failure_domains.domain
ORDER BY failure_domains.cluster, failure_domains.kind, failure_domains.domain
