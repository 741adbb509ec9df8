-- One row: node-days of $cluster in service over which outages were counted; NULL where no node states were logged.
SELECT sum(exposure.in_service_seconds) / 8.64e4 AS node_days
FROM exposure
INNER JOIN observation ON exposure.cluster = observation.cluster AND observation.table_name = 'node_states'
WHERE exposure.cluster = $cluster
