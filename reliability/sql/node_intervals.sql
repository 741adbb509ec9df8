-- grain: interval of a node in one state, told by one source.
-- inputs: node_states, parameters.
-- Two mendings of `node_states`, so that an outage counts once and ends when it ended.
-- The controller's log is taken in part by part as it grows: an interval left open by one part ends at the node's next
-- row of the next part, and what follows an open outage at once is the same outage going on.
-- An outage that two sources tell (accounting and the controller's log) is kept as the more exact one tells it,
-- accounting before the controller's log before snapshots: of the down intervals of a node from different sources that
-- overlap, or lie within same_outage_seconds. Two intervals of one source are two, overlapping or not: it alone knows.
WITH told AS (
    SELECT
        node_states.*,
        coalesce(source, '') AS told_by,
        CASE source WHEN 'slurm-events' THEN 0 WHEN 'slurmctld-log' THEN 1 ELSE 2 END AS source_rank,
        unix_micros(from_utc) AS from_micros,
        lead(unix_micros(from_utc)) OVER (PARTITION BY cluster, node, source ORDER BY from_utc, state) AS next_micros,
        lag(state) OVER (PARTITION BY cluster, node, source ORDER BY from_utc, state) AS state_before,
        lag(unix_micros(to_utc)) OVER (PARTITION BY cluster, node, source ORDER BY from_utc, state) AS ended_before
    FROM node_states
),

mended AS (
    SELECT
        cluster,
        node,
        state,
        planned,
        continues OR (
            source = 'slurmctld-log' AND state = 'down' AND coalesce(state_before, '') = 'down' AND ended_before IS NULL
        ) AS continues,
        reason,
        set_by,
        component,
        symptom,
        domain,
        source,
        told_by,
        source_rank,
        from_micros,
        coalesce(unix_micros(to_utc), CASE WHEN source = 'slurmctld-log' THEN next_micros END) AS to_micros
    FROM told
),

retold AS (
    SELECT DISTINCT mended.cluster, mended.node, mended.from_micros, mended.told_by
    FROM mended
    INNER JOIN mended AS better
        ON mended.cluster = better.cluster
        AND mended.node = better.node
        AND (
            better.source_rank < mended.source_rank
            OR (better.source_rank = mended.source_rank AND better.told_by < mended.told_by)
        )
    CROSS JOIN parameters
    WHERE
        mended.state = 'down'
        AND better.state = 'down'
        AND mended.from_micros <= coalesce(better.to_micros, better.from_micros) + parameters.same_outage_seconds * 1000000
        AND coalesce(mended.to_micros, mended.from_micros)
        >= better.from_micros - parameters.same_outage_seconds * 1000000
        -- What only goes on with an outage does not stand for its beginning.
        AND (mended.continues OR NOT better.continues)
)

SELECT
    mended.cluster,
    mended.node,
    timestamp_micros(mended.from_micros) AS from_utc,
    timestamp_micros(mended.to_micros) AS to_utc,
    mended.from_micros,
    mended.to_micros,
    mended.state,
    mended.planned,
    mended.continues,
    mended.reason,
    mended.set_by,
    mended.component,
    mended.symptom,
    mended.domain,
    mended.source
FROM mended
LEFT JOIN retold
    ON mended.cluster = retold.cluster
    AND mended.node = retold.node
    AND mended.from_micros = retold.from_micros
    AND mended.told_by = retold.told_by
    AND mended.state = 'down'
WHERE retold.node IS NULL
