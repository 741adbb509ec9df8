-- one row per symptom: bursts of it, and NODE_FAIL attempts whose cause it was judged.
SELECT coalesce(bursts.kind, named.cause) AS symptom, coalesce(bursts.n, 0) AS bursts, coalesce(named.n, 0) AS node_fails
FROM (
    SELECT kind, count(*) AS n FROM sign_bursts WHERE named_by = 'symptom' AND NOT is_application GROUP BY kind
) AS bursts
FULL JOIN (
    SELECT cause, count(*) AS n FROM attributions WHERE state = 'NODE_FAIL' AND evidence_count > 0 GROUP BY cause
) AS named
    ON bursts.kind = named.cause
ORDER BY symptom
