-- one row per cluster and UTC day, of clusters whose node states were logged: without them nobody knows that a node was
-- up, and there is no availability, not one of 100%.
SELECT daily.*
FROM daily
INNER JOIN observation ON daily.cluster = observation.cluster AND observation.table_name = 'node_states'
ORDER BY daily.cluster, daily.day
