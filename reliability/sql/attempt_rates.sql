-- grain: group of attempts (parameters.group_by; empty: all).
-- inputs: attempts, attributions, parameters.
-- r_f of Kokolis et al.: infrastructure failures per node-day of run time, over attempts with more than
-- parameters.min_gpus GPUs (0: all attempts, those without a GPU too). Node-days: run days × nodes, summed. An attempt
-- counts whole in the month in which it ended or was last seen. Attempts whose outcome the log does not tell are left
-- out: they could have failed, so their run time is no evidence.
WITH counted AS (
    SELECT
        attempts.run_seconds * attempts.node_count / 8.64e4 AS node_days,
        CASE WHEN coalesce(attributions.is_infrastructure, FALSE) THEN 1 ELSE 0 END AS failed,
        CASE parameters.group_by
            WHEN '' THEN 'all'
            WHEN 'cluster' THEN attempts.cluster
            WHEN 'user' THEN attempts.user
            WHEN 'account' THEN attempts.account
            WHEN 'partition' THEN attempts.partition
            WHEN 'qos' THEN attempts.qos
            WHEN 'gpu_model' THEN attempts.gpu_model
            WHEN 'month' THEN substr(CAST(CAST(attempts.left_utc AS DATE) AS STRING), 1, 7)
            WHEN 'job_size' THEN CASE
                WHEN attempts.gpu_count <= 2 THEN CAST(attempts.gpu_count AS STRING)
                ELSE CONCAT(
                    CAST(CAST(power(2e0, ceil(log2(CAST(attempts.gpu_count AS DOUBLE))) - 1) AS INT) + 1 AS STRING),
                    '-',
                    CAST(CAST(power(2e0, ceil(log2(CAST(attempts.gpu_count AS DOUBLE)))) AS INT) AS STRING)
                )
            END
        END AS group_name
    FROM attempts
    CROSS JOIN parameters
    LEFT JOIN attributions
        ON attempts.cluster = attributions.cluster
        AND attempts.job_id_raw = attributions.job_id_raw
        AND attempts.attempt = attributions.attempt
    WHERE
        attempts.node_count IS NOT NULL
        AND attempts.state <> 'UNKNOWN'
        AND (parameters.min_gpus = 0 OR attempts.gpu_count > parameters.min_gpus)
)

SELECT
    coalesce(group_name, 'unknown') AS group_name,
    CAST(sum(failed) AS BIGINT) AS failures,
    sum(node_days) AS exposure_days,
    CAST(NULL AS DOUBLE) AS unavailable_share
FROM counted
GROUP BY coalesce(group_name, 'unknown')
