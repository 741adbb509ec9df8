-- grain: scheduler attempt that ran, for at least a moment, within the observation of `jobs`.
-- inputs: jobs, observation.
-- Run time is cut to the observation (delayed entry: an attempt already running when the log begins counts from
-- there; one still running at its end is censored there), so that failures and exposure speak of the same time.
-- left_utc is when it ended, or when the observation of it did.
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
)

SELECT
    cluster,
    job_id,
    job_id_raw,
    attempt,
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
    gpu_count,
    gpu_model,
    nodes,
    start_micros,
    end_micros,
    timestamp_micros(least(coalesce(end_micros, observed_to_micros), observed_to_micros)) AS left_utc,
    end_micros IS NOT NULL AND end_micros >= observed_from_micros AND end_micros <= observed_last_micros AS ended,
    greatest(
        0e0, (least(coalesce(end_micros, observed_to_micros), observed_to_micros) - greatest(start_micros, observed_from_micros)) / 1e6
    ) AS run_seconds
FROM timed
WHERE start_micros <= observed_to_micros AND coalesce(end_micros, observed_to_micros) >= observed_from_micros
