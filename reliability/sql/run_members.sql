-- grain: scheduler attempt that started.
-- inputs: jobs, parameters.
-- The attempts of one logical run (Kokolis et al.: all jobs of one task). Attempts of one job id belong together
-- (requeues). A job continues the one before it of the same cluster, user, name, nodes and GPUs, and of the same array
-- index, if that one was over without completing at most `resubmission_window_seconds` before the job could start
-- (eligible: what waits for its predecessor in the queue continues it too); 0 turns this off. (An hour by default: time
-- to see a crash and submit again, too short for tomorrow's experiment of the same name.) Jobs that ran side by
-- side are not chained by name: no log says which of them was submitted again. `run_key`, where a source gives one,
-- overrides both. run_id is the raw job id of the run's first attempt; chained_by says what ties an
-- attempt to the one before it.
WITH started AS (
    SELECT
        cluster,
        job_id_raw,
        attempt,
        job_id,
        jobs.user AS owner,
        job_name,
        node_count,
        gpu_count,
        run_key,
        state,
        unix_micros(start_utc) AS start_micros,
        unix_micros(end_utc) AS end_micros,
        unix_micros(coalesce(eligible_utc, submit_utc, start_utc)) AS eligible_micros
    FROM jobs
    WHERE start_utc IS NOT NULL
),

jobs_that_ran AS (
    SELECT
        cluster,
        job_id_raw,
        max(job_id) AS job_id,
        max(owner) AS owner,
        max(job_name) AS job_name,
        max(node_count) AS node_count,
        max(gpu_count) AS gpu_count,
        max(run_key) AS run_key,
        min(attempt) AS first_attempt,
        min(start_micros) AS first_start_micros,
        min(eligible_micros) AS eligible_micros,
        max_by(state, attempt) AS last_state,
        -- what still runs ends later than anything; a null would let the attempt before speak
        max_by(coalesce(end_micros, 4000000000000000000), attempt) AS last_end_micros
    FROM started
    GROUP BY cluster, job_id_raw
),

like_named AS (
    SELECT
        jobs_that_ran.*,
        regexp_extract(job_id, '^[0-9]+(.*)$', 1) AS task
    FROM jobs_that_ran
    WHERE run_key IS NULL AND owner IS NOT NULL AND job_name IS NOT NULL
),

after_another AS (
    SELECT
        like_named.*,
        lag(last_state) OVER in_order AS state_before,
        lag(last_end_micros) OVER in_order AS end_before_micros,
        row_number() OVER in_order AS place
    FROM like_named
    WINDOW in_order AS (
        PARTITION BY cluster, owner, job_name, node_count, gpu_count, task ORDER BY eligible_micros, job_id_raw
    )
),

judged AS (
    SELECT
        after_another.*,
        coalesce(
            state_before <> 'COMPLETED'
            AND end_before_micros <= eligible_micros
            AND end_before_micros + parameters.resubmission_window_seconds * 1000000 >= eligible_micros
            AND parameters.resubmission_window_seconds > 0,
            FALSE
        ) AS continues
    FROM after_another
    CROSS JOIN parameters
),

resubmitted AS (
    SELECT
        cluster,
        job_id_raw,
        CASE WHEN continues THEN first_attempt END AS resubmitted_attempt,
        max_by(job_id_raw, CASE WHEN NOT continues THEN place END) OVER (
            PARTITION BY cluster, owner, job_name, node_count, gpu_count, task
            ORDER BY place
            ROWS BETWEEN UNBOUNDED PRECEDING AND CURRENT ROW
        ) AS run_id
    FROM judged
),

keyed AS (
    SELECT
        cluster,
        job_id_raw,
        min_by(job_id_raw, first_start_micros) OVER (PARTITION BY cluster, run_key) AS run_id
    FROM jobs_that_ran
    WHERE run_key IS NOT NULL
)

SELECT
    started.cluster,
    started.job_id_raw,
    started.attempt,
    coalesce(keyed.run_id, resubmitted.run_id, started.job_id_raw) AS run_id,
    CASE
        WHEN keyed.run_id IS NOT NULL THEN 'key'
        WHEN resubmitted.resubmitted_attempt = started.attempt THEN 'resubmission'
        ELSE 'job_id'
    END AS chained_by
FROM started
LEFT JOIN keyed ON started.cluster = keyed.cluster AND started.job_id_raw = keyed.job_id_raw
LEFT JOIN resubmitted ON started.cluster = resubmitted.cluster AND started.job_id_raw = resubmitted.job_id_raw
