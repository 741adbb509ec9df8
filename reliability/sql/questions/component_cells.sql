-- component_cells
-- one row per inventoried component, group and value of the covariates $names (in their order, null where nobody told)
-- that its stays had: days at risk and failures. A component that moves has its exposure and its failures where it was.
WITH at_risk AS (
    SELECT
        group_name,
        cluster,
        unit,
        list_transform(CAST($names AS VARCHAR []), lambda name: attributes[name]) AS covariates,
        sum(weight * (to_micros - from_micros)) / 8.64e10 AS exposure_days
    FROM exposed
    GROUP BY ALL
),

counted AS (
    SELECT
        group_name,
        cluster,
        unit,
        list_transform(CAST($names AS VARCHAR []), lambda name: attributes[name]) AS covariates,
        count(*) AS failures
    FROM failed
    GROUP BY ALL
)

SELECT
    at_risk.group_name,
    at_risk.cluster,
    at_risk.unit,
    at_risk.covariates,
    at_risk.exposure_days,
    coalesce(counted.failures, 0) AS failures
FROM at_risk
LEFT JOIN counted USING (group_name, cluster, unit, covariates)
ORDER BY at_risk.group_name, at_risk.cluster, at_risk.unit, at_risk.covariates
