-- One row per node of $cluster and what it shares with others beside the network, in force at $at (null: still).
SELECT kind, domain, node
FROM failure_domains
WHERE
    cluster = $cluster
    AND kind IN ('rack', 'chassis', 'row', 'room', 'power', 'cooling', 'storage')
    AND CASE
        WHEN CAST($at AS TIMESTAMPTZ) IS NULL THEN to_micros IS NULL
        ELSE
            coalesce(from_micros <= epoch_us(CAST($at AS TIMESTAMPTZ)), TRUE)
            AND coalesce(to_micros > epoch_us(CAST($at AS TIMESTAMPTZ)), TRUE)
    END
ORDER BY kind, domain, node
