-- grain: scheduler attempt that ran, for at least a moment, within the observation of `jobs`.
-- inputs: jobs, job_events, observation.
-- Run time is cut to the observation (delayed entry: an attempt already running when the log begins counts from
-- there; one still running at its end is censored there), so that failures and exposure speak of the same time.
-- preempted_by and failed_node are accounting's where it has them, else what the controller's log says of this job
-- within two minutes of the attempt's end.
-- left_utc is when it ended, or when the observation of it did: run_micros before it the observed run time began.
WITH timed AS (
    SELECT
        jobs.*,
        unix_micros(jobs.start_utc) AS start_micros,
        unix_micros(jobs.end_utc) AS end_micros,
        observation.from_micros AS observed_from_micros,
        observation.to_micros AS observed_to_micros,
        observation.last_micros AS observed_last_micros
    FROM jobs
    INNER JOIN observation ON jobs.cluster = observation.cluster AND observation.table_name = 'jobs'
    WHERE jobs.start_utc IS NOT NULL
),

logged AS (
    SELECT
        timed.cluster,
        timed.job_id_raw,
        timed.attempt,
        max(CASE WHEN job_events.kind = 'preempted' THEN job_events.by_job_id_raw END) AS preempted_by,
        max(CASE WHEN job_events.kind IN ('node_failed', 'requeued') THEN job_events.node END) AS failed_node
    FROM timed
    INNER JOIN job_events ON timed.cluster = job_events.cluster AND timed.job_id_raw = job_events.job_id_raw
    WHERE
        unix_micros(job_events.time_utc) >= timed.end_micros - 120000000
        AND unix_micros(job_events.time_utc) <= timed.end_micros + 120000000
    GROUP BY timed.cluster, timed.job_id_raw, timed.attempt
)

SELECT
    timed.cluster,
    timed.job_id,
    timed.job_id_raw,
    timed.attempt,
    job_name,
    timed.user,
    account,
    partition,
    qos,
    submit_utc,
    eligible_utc,
    start_utc,
    end_utc,
    state,
    exit_code,
    exit_signal,
    step_out_of_memory,
    node_count,
    cpu_count,
    gpu_count,
    gpu_model,
    nodes,
    coalesce(timed.preempted_by, logged.preempted_by) AS preempted_by,
    coalesce(timed.failed_node, logged.failed_node) AS failed_node,
    start_micros,
    end_micros,
    least(coalesce(end_micros, observed_to_micros), observed_to_micros) AS left_micros,
    timestamp_micros(least(coalesce(end_micros, observed_to_micros), observed_to_micros)) AS left_utc,
    end_micros IS NOT NULL AND end_micros >= observed_from_micros AND end_micros <= observed_last_micros AS ended,
    greatest(
        0, least(coalesce(end_micros, observed_to_micros), observed_to_micros) - greatest(start_micros, observed_from_micros)
    ) AS run_micros,
    greatest(
        0e0, (least(coalesce(end_micros, observed_to_micros), observed_to_micros) - greatest(start_micros, observed_from_micros)) / 1e6
    ) AS run_seconds
FROM timed
LEFT JOIN logged
    ON timed.cluster = logged.cluster AND timed.job_id_raw = logged.job_id_raw AND timed.attempt = logged.attempt
WHERE start_micros <= observed_to_micros AND coalesce(end_micros, observed_to_micros) >= observed_from_micros
