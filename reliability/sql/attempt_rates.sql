-- grain: group of attempts (parameters.group_by; empty: all).
-- inputs: attempt_exposed, attempt_failed.
-- r_f of Kokolis et al.: infrastructure failures per node-day of run time (run days × nodes, summed), over attempts
-- with more than parameters.min_gpus GPUs.
WITH exposed AS (
    SELECT group_name, sum(weight * (to_micros - from_micros)) / 8.64e10 AS exposure_days
    FROM attempt_exposed
    GROUP BY group_name
),

failed AS (
    SELECT group_name, count(*) AS failures FROM attempt_failed GROUP BY group_name
)

SELECT
    exposed.group_name,
    CAST(coalesce(failed.failures, 0) AS BIGINT) AS failures,
    exposed.exposure_days,
    CAST(NULL AS DOUBLE) AS unavailable_share
FROM exposed
LEFT JOIN failed ON exposed.group_name = failed.group_name
