-- grain: group of attempts (parameters.group_by; empty: all) and run time of an attempt, cut at the periods asked for.
-- inputs: attempts, periods, parameters.
-- Of attempts with more than parameters.min_gpus GPUs (0: all attempts, those without a GPU too). `weight` is the
-- number of nodes: exposure = weight × (to - from), the node-days of run time of Kokolis et al. `unit` is the job: its
-- attempts share what is wrong with it. Attempts whose outcome the log does not tell are left out: they could have
-- failed, so their run time is no evidence. What else it tells of an attempt is for `attempt_ends`.
WITH counted AS (
    SELECT
        attempts.*,
        unix_micros(attempts.left_utc) - CAST(floor(attempts.run_seconds * 1e6 + 0.5e0) AS BIGINT) AS from_micros,
        unix_micros(attempts.left_utc) AS to_micros
    FROM attempts CROSS JOIN parameters
    WHERE
        attempts.node_count IS NOT NULL
        AND attempts.state <> 'UNKNOWN'
        AND (parameters.min_gpus = 0 OR attempts.gpu_count > parameters.min_gpus)
)

SELECT
    coalesce(
        CASE parameters.group_by
            WHEN '' THEN 'all'
            WHEN 'cluster' THEN counted.cluster
            WHEN 'user' THEN counted.user
            WHEN 'account' THEN counted.account
            WHEN 'partition' THEN counted.partition
            WHEN 'qos' THEN counted.qos
            WHEN 'gpu_model' THEN counted.gpu_model
            WHEN 'node_count' THEN CASE
                WHEN counted.node_count <= 2 THEN CAST(counted.node_count AS STRING)
                ELSE CONCAT(
                    CAST(CAST(power(2e0, ceil(log2(CAST(counted.node_count AS DOUBLE))) - 1) AS INT) + 1 AS STRING),
                    '-',
                    CAST(CAST(power(2e0, ceil(log2(CAST(counted.node_count AS DOUBLE)))) AS INT) AS STRING)
                )
            END
            WHEN 'job_size' THEN CASE
                WHEN counted.gpu_count <= 2 THEN CAST(counted.gpu_count AS STRING)
                ELSE CONCAT(
                    CAST(CAST(power(2e0, ceil(log2(CAST(counted.gpu_count AS DOUBLE))) - 1) AS INT) + 1 AS STRING),
                    '-',
                    CAST(CAST(power(2e0, ceil(log2(CAST(counted.gpu_count AS DOUBLE)))) AS INT) AS STRING)
                )
            END
            ELSE periods.period
        END,
        'unknown'
    ) AS group_name,
    counted.cluster,
    counted.job_id_raw AS unit,
    counted.attempt,
    greatest(counted.from_micros, periods.from_micros) AS from_micros,
    least(counted.to_micros, periods.to_micros) AS to_micros,
    CAST(counted.node_count AS DOUBLE) AS weight,
    counted.to_micros >= periods.from_micros AND counted.to_micros < periods.to_micros AS ends_here,
    counted.user,
    counted.gpu_count,
    counted.state,
    counted.ended,
    counted.preempted_by,
    counted.start_micros
FROM counted
INNER JOIN periods ON counted.to_micros >= periods.from_micros AND counted.from_micros < periods.to_micros
CROSS JOIN parameters
