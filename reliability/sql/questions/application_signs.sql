-- one row per Xid that user programs cause: lines, bursts, nodes, and the message of the first.
SELECT
    kind AS code,
    count(*) AS incidents,
    CAST(sum(line_count) AS BIGINT) AS lines,
    count(DISTINCT (cluster, node)) AS nodes,
    min_by(message, from_micros) AS message
FROM sign_bursts
WHERE is_application AND named_by = 'code' AND kind LIKE 'xid:%'
GROUP BY kind
ORDER BY incidents DESC, kind
