-- stretches_at_risk
-- one row per group, unit and stretch of time at risk.
SELECT group_name, cluster, unit, from_micros, to_micros, weight
FROM exposed
WHERE from_micros < to_micros
ORDER BY group_name, cluster, unit, from_micros
