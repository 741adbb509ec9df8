-- grain: trouble of a node: an unplanned outage with the attempts it ended, or attempts that the node ended without one.
-- inputs: node_failures, attempts, attributions, components, parameters.
-- What a node is held responsible for, each fault once. The attempts are those that ended NODE_FAIL, or FAILED with a
-- sign, where this node is the one that failed or bore the sign. What begins within the attribution window of what
-- went before, or before the node was back, belongs to it.
-- is_shared: parameters.shared_nodes nodes or more showed one symptom one after another, no more than
-- parameters.shared_gap_seconds between two of them: the trouble of their rack, switch or file system.
-- seconds_since_repair: since the node came back from the same symptom. is_relapse: within parameters.relapse_seconds:
-- probably the repair was in vain and it is the same fault still.
-- is_repair: hands were laid on the node: the reason says so, a component was taken out meanwhile, or it lasted
-- parameters.repair_seconds.
WITH alone AS (
    SELECT cluster, job_id_raw, attempt, explode(nodes) AS only_node
    FROM attempts
    WHERE node_count = 1 AND ended AND state IN ('FAILED', 'NODE_FAIL')
),

told AS (
    SELECT
        cluster,
        node,
        unix_micros(from_utc) AS at_micros,
        -- What a window's end has not seen yet is not known: the answer as of a day does not look ahead.
        least(
            coalesce(unix_micros(to_utc), parameters.window_to_micros, unix_micros(from_utc)),
            coalesce(parameters.window_to_micros, unix_micros(to_utc), unix_micros(from_utc))
        ) AS back_micros,
        1 AS is_outage,
        0 AS attempts,
        0 AS multi_node_attempts,
        symptom,
        reason
    FROM node_failures CROSS JOIN parameters
    UNION ALL
    SELECT
        attributions.cluster,
        coalesce(attempts.failed_node, attributions.node, alone.only_node) AS node,
        attempts.end_micros AS at_micros,
        attempts.end_micros AS back_micros,
        0 AS is_outage,
        1 AS attempts,
        CASE WHEN attempts.node_count > 1 THEN 1 ELSE 0 END AS multi_node_attempts,
        CASE attributions.cause WHEN 'unattributed' THEN 'node_unresponsive' ELSE attributions.cause END AS symptom,
        attributions.message AS reason
    FROM attributions
    INNER JOIN attempts
        ON attributions.cluster = attempts.cluster
        AND attributions.job_id_raw = attempts.job_id_raw
        AND attributions.attempt = attempts.attempt
    LEFT JOIN alone
        ON attributions.cluster = alone.cluster
        AND attributions.job_id_raw = alone.job_id_raw
        AND attributions.attempt = alone.attempt
    WHERE attributions.is_infrastructure
),

reached AS (
    SELECT
        *,
        max(back_micros) OVER (
            PARTITION BY cluster, node ORDER BY at_micros, is_outage ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING
        ) AS reached_micros
    FROM told
    WHERE node IS NOT NULL
),

numbered AS (
    SELECT
        reached.*,
        sum(
            CASE
                WHEN
                    at_micros <= reached_micros
                    + (parameters.attribution_before_seconds + parameters.attribution_after_seconds) * 1000000
                    THEN 0
                ELSE 1
            END
        ) OVER (
            PARTITION BY cluster, node ORDER BY at_micros, is_outage ROWS BETWEEN UNBOUNDED PRECEDING AND CURRENT ROW
        ) AS trouble_number
    FROM reached CROSS JOIN parameters
),

troubles AS (
    SELECT
        cluster,
        node,
        trouble_number,
        min(at_micros) AS at_micros,
        max(back_micros) AS back_micros,
        max(is_outage) AS is_outage,
        sum(is_outage) AS outages,
        sum(attempts) AS attempts,
        sum(multi_node_attempts) AS multi_node_attempts,
        -- An outage knows its reason better than the attempt that ended a moment before.
        max_by(symptom, is_outage * 1e16 - at_micros) AS symptom,
        max_by(reason, is_outage * 1e16 - at_micros) AS reason
    FROM numbered
    GROUP BY cluster, node, trouble_number
),

stepped AS (
    SELECT
        troubles.*,
        CASE
            WHEN
                at_micros - lag(at_micros) OVER (PARTITION BY cluster, symptom ORDER BY at_micros, node)
                <= parameters.shared_gap_seconds * 1000000
                THEN 0
            ELSE 1
        END AS begins,
        lag(back_micros) OVER (PARTITION BY cluster, node, symptom ORDER BY at_micros) AS back_before_micros
    FROM troubles CROSS JOIN parameters
),

waves AS (
    SELECT
        *,
        sum(begins) OVER (
            PARTITION BY cluster, symptom ORDER BY at_micros, node ROWS BETWEEN UNBOUNDED PRECEDING AND CURRENT ROW
        ) AS wave
    FROM stepped
),

hit AS (
    SELECT cluster, symptom, wave, count(DISTINCT node) AS nodes FROM waves GROUP BY cluster, symptom, wave
),

swapped AS (
    SELECT troubles.cluster, troubles.node, troubles.trouble_number, count(*) AS components
    FROM troubles
    INNER JOIN components ON troubles.cluster = components.cluster AND troubles.node = components.node
    WHERE
        components.removal IN ('failed', 'removed')
        AND unix_micros(components.removed_utc) >= troubles.at_micros
        AND unix_micros(components.removed_utc) <= troubles.back_micros
    GROUP BY troubles.cluster, troubles.node, troubles.trouble_number
)

SELECT
    waves.cluster,
    waves.node,
    timestamp_micros(waves.at_micros) AS from_utc,
    timestamp_micros(waves.back_micros) AS back_utc,
    waves.at_micros,
    waves.back_micros,
    CAST(waves.outages AS BIGINT) AS outages,
    CAST(waves.attempts AS BIGINT) AS attempts,
    CAST(waves.multi_node_attempts AS BIGINT) AS multi_node_attempts,
    waves.symptom,
    waves.reason,
    hit.nodes AS nodes_hit,
    hit.nodes >= parameters.shared_nodes AS is_shared,
    (waves.at_micros - waves.back_before_micros) / 1e6 AS seconds_since_repair,
    coalesce(waves.at_micros - waves.back_before_micros <= parameters.relapse_seconds * 1000000, FALSE) AS is_relapse,
    coalesce(swapped.components, 0) AS swapped_components,
    waves.is_outage = 1 AND (
        coalesce(swapped.components, 0) > 0
        OR waves.back_micros - waves.at_micros >= parameters.repair_seconds * 1000000
        OR coalesce(
            lower(waves.reason) LIKE '%repair%'
            OR lower(waves.reason) LIKE '%replac%'
            OR lower(waves.reason) LIKE '%swap%'
            OR CONCAT(' ', lower(waves.reason)) LIKE '% rma%'
            OR lower(waves.reason) LIKE '%ticket%'
            OR lower(waves.reason) LIKE '%vendor%',
            FALSE
        )
    ) AS is_repair
FROM waves
CROSS JOIN parameters
INNER JOIN hit ON waves.cluster = hit.cluster AND waves.symptom = hit.symptom AND waves.wave = hit.wave
LEFT JOIN swapped
    ON waves.cluster = swapped.cluster AND waves.node = swapped.node AND waves.trouble_number = swapped.trouble_number
