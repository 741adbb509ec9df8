-- failed_cells
-- one row per group, unit and UTC day with a failure: how many.
SELECT group_name, cluster, unit, CAST(floor(at_micros / 8.64e10) AS BIGINT) AS day_number, count(*) AS failures
FROM failed
GROUP BY ALL
ORDER BY group_name, cluster, unit, day_number
