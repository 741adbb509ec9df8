-- sign_companions
-- one row per kind of sign A, its bursts grouped by the kinds that began on the same node within $window_micros before or
-- after it (`beside`), after it (`after`) and in the same moment (`at_once`): counts, from which the share of any pair or
-- triple follows. A burst is named once: by its Xids or what a BMC logs where it has such lines, else by its symptom, so
-- that nothing stands beside its own code; what nobody could name is no kind.
WITH kinds AS (
    SELECT cluster, node, kind, from_micros
    FROM sign_bursts
    WHERE
        NOT is_application
        AND (
            (named_by = 'symptom' AND coded_count = 0 AND kind <> 'other')
            OR (named_by = 'code' AND (kind LIKE 'xid:%' OR kind LIKE 'ipmi:%'))
        )
),

-- Buckets as wide as the window: what is within it lies in the same bucket or a neighbour. An equi-join.
bucketed AS (
    SELECT *, CAST(floor(from_micros / $window_micros) AS BIGINT) AS bucket FROM kinds
),

spread AS (
    SELECT *, bucket + unnest([-1, 0, 1]) AS near FROM bucketed
),

pairs AS (
    SELECT
        a.cluster,
        a.node,
        a.kind,
        a.from_micros,
        b.kind AS other,
        b.from_micros - a.from_micros AS after_micros
    FROM spread AS a
    INNER JOIN bucketed AS b
        ON a.cluster = b.cluster AND a.node = b.node AND a.near = b.bucket
    WHERE a.kind <> b.kind AND abs(b.from_micros - a.from_micros) <= $window_micros
),

of_burst AS (
    SELECT
        kinds.cluster,
        kinds.node,
        kinds.kind,
        kinds.from_micros,
        coalesce(list_sort(list(DISTINCT pairs.other) FILTER (WHERE pairs.other IS NOT NULL)), []) AS beside,
        coalesce(list_sort(list(DISTINCT pairs.other) FILTER (WHERE pairs.after_micros > 0)), []) AS after,
        coalesce(list_sort(list(DISTINCT pairs.other) FILTER (WHERE pairs.after_micros = 0)), []) AS at_once
    FROM kinds
    LEFT JOIN pairs
        ON kinds.cluster = pairs.cluster
        AND kinds.node = pairs.node
        AND kinds.kind = pairs.kind
        AND kinds.from_micros = pairs.from_micros
    GROUP BY kinds.cluster, kinds.node, kinds.kind, kinds.from_micros
)

SELECT kind, beside, after, at_once, count(*) AS incidents
FROM of_burst
GROUP BY kind, beside, after, at_once
ORDER BY kind, beside, after, at_once
