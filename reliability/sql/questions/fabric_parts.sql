-- One row per switch and network adapter that an inventory of $cluster lists; a device's number counts from 0
-- (`mlx5_5`, and `HCA-6`, are 5).
SELECT
    component,
    component_id,
    node,
    slot,
    coalesce(
        TRY_CAST(regexp_extract(slot, '^mlx\d+_(\d{1,3})', 1) AS INTEGER),
        TRY_CAST(regexp_extract(slot, '^HCA-(\d{1,3})', 1) AS INTEGER) - 1
    ) AS device,
    attributes['switch'] AS switch,
    TRY_CAST(attributes['aggregation_nodes'] AS INTEGER) AS aggregation_nodes
FROM components
WHERE cluster = $cluster AND component IN ('switch', 'nic') AND removed_utc IS NULL
ORDER BY component, component_id
