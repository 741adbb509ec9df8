-- grain: attempt of `attempt_parts`: the bucket that its lost work falls into, and its cause.
-- inputs: attempt_parts, attributions, preemption_chains.
-- By how the attempt ended: an infrastructure failure (first order), preemption by a job that came back from one (second
-- order; its cause is that failure's, root_… that failed attempt), another preemption, or anything else (the user's
-- program, its limits). Of an attempt that ended after the observation the state alone tells.
SELECT
    attempt_parts.cluster,
    attempt_parts.job_id_raw,
    attempt_parts.attempt,
    CASE
        WHEN coalesce(attributions.is_infrastructure, attempt_parts.state = 'NODE_FAIL') THEN 'lost_first_order'
        WHEN preemption_chains.cause IS NOT NULL THEN 'lost_second_order'
        WHEN attempt_parts.state = 'PREEMPTED' THEN 'lost_preemption'
        ELSE 'lost_user'
    END AS lost_bucket,
    coalesce(
        attributions.cause,
        preemption_chains.cause,
        CASE WHEN attempt_parts.state = 'NODE_FAIL' THEN 'unattributed' ELSE lower(attempt_parts.state) END
    ) AS cause,
    coalesce(attributions.is_infrastructure, FALSE) AS is_infrastructure,
    coalesce(attributions.failed_node, attributions.node) AS failed_node,
    preemption_chains.root_job_id_raw,
    preemption_chains.root_attempt
FROM attempt_parts
LEFT JOIN attributions
    ON attempt_parts.cluster = attributions.cluster
    AND attempt_parts.job_id_raw = attributions.job_id_raw
    AND attempt_parts.attempt = attributions.attempt
LEFT JOIN preemption_chains
    ON attempt_parts.cluster = preemption_chains.cluster
    AND attempt_parts.job_id_raw = preemption_chains.job_id_raw
    AND attempt_parts.attempt = preemption_chains.attempt
