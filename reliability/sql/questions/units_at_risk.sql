-- units_at_risk
-- one row per group and unit (node, job, component): days at risk and failures. `exposed` and `failed` are those of what
-- the rate is of.
WITH at_risk AS (
    SELECT group_name, cluster, unit, sum(weight * (to_micros - from_micros)) / 8.64e10 AS exposure_days
    FROM exposed
    GROUP BY group_name, cluster, unit
),

counted AS (
    SELECT group_name, cluster, unit, count(*) AS failures FROM failed GROUP BY group_name, cluster, unit
)

SELECT
    at_risk.group_name,
    at_risk.cluster,
    at_risk.unit,
    at_risk.exposure_days,
    coalesce(counted.failures, 0) AS failures
FROM at_risk
LEFT JOIN counted
    ON at_risk.group_name = counted.group_name AND at_risk.cluster = counted.cluster AND at_risk.unit = counted.unit
ORDER BY at_risk.group_name, at_risk.cluster, at_risk.unit
