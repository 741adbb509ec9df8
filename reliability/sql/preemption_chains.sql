-- grain: attempt that was preempted by a job that had come back from an infrastructure failure.
-- inputs: preemption_links.
-- Kokolis et al.'s second-order loss: jobs preempted because a job that the infrastructure had failed was restarted.
-- If the infrastructure ended the attempt that the preempting job came back from, that is the root, and depth is 1: what
-- the paper counts. If that attempt was itself preempted in this way, its root is passed on and depth is one more: the
-- chain that one failure sets off. Each doubling makes the pointers reach twice as far; four follow 16 preemptions in a
-- row.
WITH step_0 AS (
    SELECT cluster, job_id_raw, attempt, by_job_id_raw AS to_job_id_raw, by_attempt AS to_attempt, 1 AS depth, cause
    FROM preemption_links
),

step_1 AS (
    SELECT
        near.cluster,
        near.job_id_raw,
        near.attempt,
        coalesce(far.to_job_id_raw, near.to_job_id_raw) AS to_job_id_raw,
        coalesce(far.to_attempt, near.to_attempt) AS to_attempt,
        near.depth + coalesce(far.depth, 0) AS depth,
        coalesce(near.cause, far.cause) AS cause
    FROM step_0 AS near
    LEFT JOIN step_0 AS far
        ON near.cause IS NULL
        AND near.cluster = far.cluster
        AND near.to_job_id_raw = far.job_id_raw
        AND near.to_attempt = far.attempt
),

step_2 AS (
    SELECT
        near.cluster,
        near.job_id_raw,
        near.attempt,
        coalesce(far.to_job_id_raw, near.to_job_id_raw) AS to_job_id_raw,
        coalesce(far.to_attempt, near.to_attempt) AS to_attempt,
        near.depth + coalesce(far.depth, 0) AS depth,
        coalesce(near.cause, far.cause) AS cause
    FROM step_1 AS near
    LEFT JOIN step_1 AS far
        ON near.cause IS NULL
        AND near.cluster = far.cluster
        AND near.to_job_id_raw = far.job_id_raw
        AND near.to_attempt = far.attempt
),

step_3 AS (
    SELECT
        near.cluster,
        near.job_id_raw,
        near.attempt,
        coalesce(far.to_job_id_raw, near.to_job_id_raw) AS to_job_id_raw,
        coalesce(far.to_attempt, near.to_attempt) AS to_attempt,
        near.depth + coalesce(far.depth, 0) AS depth,
        coalesce(near.cause, far.cause) AS cause
    FROM step_2 AS near
    LEFT JOIN step_2 AS far
        ON near.cause IS NULL
        AND near.cluster = far.cluster
        AND near.to_job_id_raw = far.job_id_raw
        AND near.to_attempt = far.attempt
),

step_4 AS (
    SELECT
        near.cluster,
        near.job_id_raw,
        near.attempt,
        coalesce(far.to_job_id_raw, near.to_job_id_raw) AS to_job_id_raw,
        coalesce(far.to_attempt, near.to_attempt) AS to_attempt,
        near.depth + coalesce(far.depth, 0) AS depth,
        coalesce(near.cause, far.cause) AS cause
    FROM step_3 AS near
    LEFT JOIN step_3 AS far
        ON near.cause IS NULL
        AND near.cluster = far.cluster
        AND near.to_job_id_raw = far.job_id_raw
        AND near.to_attempt = far.attempt
)

SELECT
    cluster,
    job_id_raw,
    attempt,
    to_job_id_raw AS root_job_id_raw,
    to_attempt AS root_attempt,
    depth,
    cause
FROM step_4
WHERE cause IS NOT NULL
