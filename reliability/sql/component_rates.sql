-- grain: group of components of one kind (parameters.component, parameters.group_by; empty: all).
-- inputs: component_exposed, component_failed, parameters.
-- Failures per day in service of the inventoried components; without an inventory critical incidents per GPU-day for
-- `gpu` and per node-day for anything else. `unit` says which.
WITH exposed AS (
    SELECT unit_kind, group_name, sum(weight * (to_micros - from_micros)) / 8.64e10 AS exposure_days
    FROM component_exposed
    GROUP BY unit_kind, group_name
),

failed AS (
    SELECT unit_kind, group_name, count(*) AS failures FROM component_failed GROUP BY unit_kind, group_name
)

SELECT
    exposed.group_name,
    exposed.unit_kind AS unit,
    CAST(coalesce(failed.failures, 0) AS BIGINT) AS failures,
    exposed.exposure_days,
    CAST(NULL AS DOUBLE) AS unavailable_share
FROM exposed
CROSS JOIN parameters
LEFT JOIN failed ON exposed.group_name = failed.group_name AND exposed.unit_kind = failed.unit_kind
WHERE parameters.group_by NOT IN ('symptom', 'code')
UNION ALL
SELECT
    failed.group_name,
    failed.unit_kind AS unit,
    CAST(failed.failures AS BIGINT) AS failures,
    exposed.exposure_days,
    CAST(NULL AS DOUBLE) AS unavailable_share
FROM failed
INNER JOIN exposed ON failed.unit_kind = exposed.unit_kind
CROSS JOIN parameters
WHERE parameters.group_by IN ('symptom', 'code')
