-- one row: calendar in-service node-days of the clusters whose node states were logged.
SELECT sum(exposure.in_service_seconds) / 8.64e4 AS node_days
FROM exposure
INNER JOIN observation ON exposure.cluster = observation.cluster AND observation.table_name = 'node_states'
