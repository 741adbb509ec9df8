-- one row: node-hours of the fleet, and the hours over which it was observed.
SELECT
    coalesce(sum(to_micros - from_micros), 0) / 3.6e9 AS node_hours,
    coalesce(max(to_micros) - min(from_micros), 0) / 3.6e9 AS observed_hours
FROM fleet
