-- one row per node and stay in the fleet.
SELECT cluster, node, from_micros, to_micros FROM fleet ORDER BY cluster, node, from_micros
