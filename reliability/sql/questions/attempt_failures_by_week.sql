-- one row per week (its Monday, UTC) in which attempts ended FAILED or NODE_FAIL, and verdict.
SELECT
    CAST(date_trunc('week', attributions.end_utc) AS DATE) AS week,
    attributions.cause,
    attributions.is_infrastructure,
    count(*) AS failures
FROM attributions CROSS JOIN parameters
WHERE parameters.min_gpus = 0 OR attributions.gpu_count > parameters.min_gpus
GROUP BY 1, attributions.cause, attributions.is_infrastructure
ORDER BY 1, attributions.cause
