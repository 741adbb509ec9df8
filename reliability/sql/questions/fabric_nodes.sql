-- One row per node of $cluster that is in the fleet at $at (null: that has not left it), with its GPUs.
SELECT node, max(gpu_count) AS gpu_count
FROM nodes
WHERE
    cluster = $cluster
    AND CASE
        WHEN CAST($at AS TIMESTAMPTZ) IS NULL THEN to_utc IS NULL
        ELSE
            coalesce(from_utc <= CAST($at AS TIMESTAMPTZ), TRUE)
            AND coalesce(to_utc > CAST($at AS TIMESTAMPTZ), TRUE)
    END
GROUP BY node
ORDER BY node
