-- grain: attempt that ended FAILED or NODE_FAIL, and a sign of trouble on one of its nodes around its end.
-- inputs: attempts, events, node_states, parameters.
-- Kokolis et al. (HPCA 2025), section on attribution: a check that fired from 10 minutes before to 5 minutes after the
-- end. Signs are critical events that no user program caused, and unplanned down or drain reasons that name a symptom
-- (a health check's verdict). A node that merely stopped answering is no sign of a cause.
WITH failed AS (
    SELECT
        attempts.cluster,
        attempts.job_id_raw,
        attempts.attempt,
        attempts.nodes,
        attempts.end_micros,
        attempts.end_micros - parameters.attribution_before_seconds * 1000000 AS from_micros,
        attempts.end_micros + parameters.attribution_after_seconds * 1000000 AS to_micros,
        (parameters.attribution_before_seconds + parameters.attribution_after_seconds) * 1e6 + 1e0 AS bucket_micros
    FROM attempts CROSS JOIN parameters
    WHERE attempts.ended AND attempts.state IN ('FAILED', 'NODE_FAIL')
),

on_nodes AS (
    SELECT cluster, job_id_raw, attempt, end_micros, from_micros, to_micros, bucket_micros, explode(nodes) AS node
    FROM failed
),

-- Two buckets as wide as the window hold every moment of it: an equi-join, where a range join would be slow.
bucketed AS (
    SELECT
        *,
        explode(sequence(CAST(floor(from_micros / bucket_micros) AS BIGINT), CAST(floor(to_micros / bucket_micros) AS BIGINT))) AS bucket
    FROM on_nodes
),

signs AS (
    SELECT cluster, node, unix_micros(time_utc) AS at_micros, symptom, domain, code, slot, message, 'events' AS found_in
    FROM events
    WHERE severity = 'critical' AND domain <> 'user_program' AND node IS NOT NULL
    UNION ALL
    SELECT
        cluster,
        node,
        unix_micros(from_utc) AS at_micros,
        symptom,
        domain,
        CONCAT('state:', state) AS code,
        CAST(NULL AS STRING) AS slot,
        reason AS message,
        'node_states' AS found_in
    FROM node_states
    WHERE
        state IN ('down', 'drain')
        AND NOT planned
        AND symptom IS NOT NULL
        AND symptom NOT IN ('node_unresponsive', 'other', 'application', 'out_of_memory')
),

bucketed_signs AS (
    SELECT
        signs.*,
        CAST(
            floor(
                signs.at_micros
                / ((parameters.attribution_before_seconds + parameters.attribution_after_seconds) * 1e6 + 1e0)
            ) AS BIGINT
        ) AS bucket
    FROM signs CROSS JOIN parameters
)

SELECT
    bucketed.cluster,
    bucketed.job_id_raw,
    bucketed.attempt,
    bucketed.node,
    timestamp_micros(bucketed_signs.at_micros) AS time_utc,
    (bucketed_signs.at_micros - bucketed.end_micros) / 1e6 AS seconds_after_end,
    bucketed_signs.symptom,
    bucketed_signs.domain,
    bucketed_signs.code,
    bucketed_signs.slot,
    bucketed_signs.message,
    bucketed_signs.found_in
FROM bucketed
INNER JOIN bucketed_signs
    ON bucketed.cluster = bucketed_signs.cluster
    AND bucketed.node = bucketed_signs.node
    AND bucketed.bucket = bucketed_signs.bucket
WHERE bucketed_signs.at_micros >= bucketed.from_micros AND bucketed_signs.at_micros <= bucketed.to_micros
