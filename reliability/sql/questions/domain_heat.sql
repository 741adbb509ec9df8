-- one row per domain of $kind and stretch of $bucket_micros with trouble: failures are nodes that went down or had an
-- attempt fail, each once per event; flags those with a sign alone; shared those that two nodes of the domain had at once.
WITH struck AS (
    SELECT
        cluster,
        event_number,
        node,
        min(onset_micros) AS at_micros,
        max(CASE WHEN member = 'sign' THEN 0 ELSE 1 END) AS hurt
    FROM event_members
    WHERE node IS NOT NULL
    GROUP BY cluster, event_number, node
),

placed AS (
    SELECT
        failure_domains.cluster,
        failure_domains.domain,
        CAST(floor((struck.at_micros - CAST($origin_micros AS BIGINT)) / CAST($bucket_micros AS BIGINT)) AS BIGINT) AS bucket,
        struck.hurt,
        sum(struck.hurt) OVER (PARTITION BY failure_domains.cluster, failure_domains.domain, struck.event_number) AS together
    FROM struck
    INNER JOIN failure_domains ON struck.cluster = failure_domains.cluster AND struck.node = failure_domains.node
    WHERE
        failure_domains.kind = $kind
        AND struck.at_micros >= coalesce(failure_domains.from_micros, struck.at_micros)
        AND struck.at_micros < coalesce(failure_domains.to_micros, struck.at_micros + 1)
)

SELECT
    cluster,
    domain,
    bucket,
    CAST(sum(hurt) AS BIGINT) AS failures,
    CAST(sum(1 - hurt) AS BIGINT) AS flags,
    CAST(sum(CASE WHEN together > 1 THEN hurt ELSE 0 END) AS BIGINT) AS shared
FROM placed
GROUP BY ALL
ORDER BY cluster, domain, bucket
