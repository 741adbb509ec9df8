-- failures_of_units
-- one row per failure: its group, its unit, and when.
SELECT group_name, cluster, unit, at_micros FROM failed ORDER BY group_name, cluster, unit, at_micros
