-- grain: attempt that ended FAILED or NODE_FAIL within the observation.
-- inputs: attempts, evidence, parameters.
-- An infrastructure failure is a NODE_FAIL, or a FAILED with evidence (Kokolis et al.). Its cause is the symptom that
-- ranks first: what most surely takes a node out comes first, and of equals the earliest sign. PCIe stands before the
-- GPU that fell off the bus (Xid 79), which it brings about: the root of a cascade names it, as in Kokolis et al. A NODE_FAIL
-- without a sign stays `unattributed` (the node went silent); a FAILED without one is `user_program`. The lost
-- GPU-hours are Kokolis et al.'s first-order loss: work since the last checkpoint, on average half an interval, at most
-- the run time. Evidence after a step ran out of memory is not held against the hardware.
WITH ranked AS (
    SELECT
        cluster,
        job_id_raw,
        attempt,
        symptom,
        domain,
        code,
        node,
        message,
        seconds_after_end,
        CASE symptom
            WHEN 'pcie' THEN 1
            WHEN 'gpu_unavailable' THEN 2
            WHEN 'gpu_memory' THEN 3
            WHEN 'nvlink' THEN 4
            WHEN 'ib_link' THEN 5
            WHEN 'main_memory' THEN 6
            WHEN 'power' THEN 7
            WHEN 'cpu' THEN 8
            WHEN 'cooling' THEN 9
            WHEN 'disk' THEN 10
            WHEN 'filesystem_mount' THEN 11
            WHEN 'gpu_driver' THEN 12
            WHEN 'ethernet_link' THEN 13
            WHEN 'nccl_timeout' THEN 14
            WHEN 'system_services' THEN 15
            ELSE 16
        END * 1e6 + seconds_after_end AS precedence
    FROM evidence
),

chosen AS (
    SELECT
        cluster,
        job_id_raw,
        attempt,
        count(*) AS evidence_count,
        count(DISTINCT symptom) AS symptom_count,
        min_by(symptom, precedence) AS symptom,
        min_by(domain, precedence) AS domain,
        min_by(code, precedence) AS code,
        min_by(node, precedence) AS node,
        min_by(message, precedence) AS message,
        min_by(seconds_after_end, precedence) AS seconds_after_end
    FROM ranked
    GROUP BY cluster, job_id_raw, attempt
),

judged AS (
    SELECT
        attempts.cluster,
        attempts.job_id,
        attempts.job_id_raw,
        attempts.attempt,
        attempts.user,
        attempts.partition,
        attempts.state,
        attempts.start_utc,
        attempts.end_utc,
        attempts.node_count,
        attempts.gpu_count,
        attempts.gpu_model,
        attempts.nodes,
        attempts.failed_node,
        attempts.run_seconds,
        attempts.state = 'NODE_FAIL'
        OR (chosen.symptom IS NOT NULL AND NOT coalesce(attempts.step_out_of_memory, FALSE)) AS is_infrastructure,
        chosen.symptom,
        chosen.domain,
        coalesce(chosen.evidence_count, 0) AS evidence_count,
        coalesce(chosen.symptom_count, 0) AS symptom_count,
        chosen.code,
        chosen.node,
        chosen.message,
        chosen.seconds_after_end
    FROM attempts
    LEFT JOIN chosen
        ON attempts.cluster = chosen.cluster
        AND attempts.job_id_raw = chosen.job_id_raw
        AND attempts.attempt = chosen.attempt
    WHERE attempts.ended AND attempts.state IN ('FAILED', 'NODE_FAIL')
)

SELECT
    judged.cluster,
    judged.job_id,
    judged.job_id_raw,
    judged.attempt,
    judged.user,
    judged.partition,
    judged.state,
    judged.start_utc,
    judged.end_utc,
    judged.node_count,
    judged.gpu_count,
    judged.gpu_model,
    judged.nodes,
    judged.failed_node,
    judged.run_seconds,
    judged.is_infrastructure,
    CASE
        WHEN judged.is_infrastructure THEN coalesce(judged.symptom, 'unattributed')
        ELSE 'user_program'
    END AS cause,
    CASE
        WHEN judged.is_infrastructure THEN coalesce(judged.domain, 'other')
        ELSE 'user_program'
    END AS domain,
    judged.evidence_count,
    judged.symptom_count,
    judged.code,
    judged.node,
    judged.message,
    judged.seconds_after_end,
    least(judged.run_seconds, parameters.checkpoint_interval_seconds / 2e0) * judged.gpu_count / 3.6e3 AS lost_gpu_hours
FROM judged CROSS JOIN parameters
