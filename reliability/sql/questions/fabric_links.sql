-- One row per cable in force at $at (null: those that nothing says have gone), the latest record first; $cluster null
-- for all. A scheduler's idea of the network and the network's own stand side by side: `format` tells them apart.
SELECT
    links.cluster,
    links.child,
    links.parent,
    links.tier,
    links.plane,
    links.rail,
    links.port,
    links.bandwidth_gbps,
    ingests.format,
    ingests.ingested_utc
FROM links
INNER JOIN ingests ON links.ingest_id = ingests.ingest_id
WHERE
    ($cluster IS NULL OR links.cluster = $cluster)
    AND CASE
        WHEN CAST($at AS TIMESTAMPTZ) IS NULL THEN links.to_utc IS NULL
        ELSE
            coalesce(links.from_utc <= CAST($at AS TIMESTAMPTZ), TRUE)
            AND coalesce(links.to_utc > CAST($at AS TIMESTAMPTZ), TRUE)
    END
ORDER BY links.cluster, ingests.ingested_utc DESC, ingests.ingest_id, links.parent, links.port, links.child
