-- grain: attempt that ended FAILED or NODE_FAIL, and a sign of trouble on one of its nodes around its end.
-- inputs: attempts, node_signs, parameters.
-- Kokolis et al. (HPCA 2025), section on attribution: a check that fired from 10 minutes before to 5 minutes after the
-- end. Signs are those of `node_signs` that no user program caused.
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

bucketed_signs AS (
    SELECT
        node_signs.*,
        CAST(
            floor(
                node_signs.at_micros
                / ((parameters.attribution_before_seconds + parameters.attribution_after_seconds) * 1e6 + 1e0)
            ) AS BIGINT
        ) AS bucket
    FROM node_signs CROSS JOIN parameters
    WHERE NOT node_signs.is_application
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
