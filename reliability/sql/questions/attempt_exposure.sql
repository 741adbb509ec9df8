-- one row: node-days of run time of the attempts asked for, and how many there are.
SELECT count(*) AS attempts, sum(attempts.run_seconds * attempts.node_count) / 8.64e4 AS node_days
FROM attempts CROSS JOIN parameters
WHERE parameters.min_gpus = 0 OR attempts.gpu_count > parameters.min_gpus
