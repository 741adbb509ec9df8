-- grain: scheduler attempt that ran, for at least a moment, within the observation of `jobs`.
-- inputs: attempts, run_members, observation, training_steps, checkpoints, parameters.
-- Run time in four parts that add up to it (Kokolis et al.: R productive, U the rest; queued before it, Q): restart, up
-- to the begin of the first step; checkpoint, while training stood still for a save; lost, the work since the last safe
-- checkpoint of an attempt that did not end well; productive, what is left. COMPLETED and REQUEUED (by its own program,
-- at a limit it knew) keep everything, so does what still runs; every other end keeps what the last safe checkpoint
-- held. Each part is read from the lines of the job's training log where they tell it, else assumed: a restart of
-- `restart_overhead_seconds`, a checkpoint after every `checkpoint_interval_seconds` of work, which stops it for as long
-- as the logged saves of the cluster do on average (not at all where none is logged).
--   restart: the first logged step, less the steps since the one resumed from (a loaded checkpoint, else the run's last
--     save below it, else the distance between two logged steps). An attempt without a line before one could be
--     expected restarts as the others of its run did.
--   safe: a blocking save once it is written; where the run also writes in the background, a save whose background
--     write was logged as complete. It holds the work up to its begin.
--   A log that falls silent for more than two save intervals before the end is taken to be cut: from its last save on,
--     work is lost as the assumption has it, at the run's own interval.
-- In time order an attempt is restart, then kept work with its checkpoints, then lost work: so it is cut to the
-- observation, and the parts of two windows add up to those of both. The wait of an attempt that starts after the
-- observation is not in it.
WITH ran AS (
    SELECT
        attempts.cluster,
        attempts.job_id_raw,
        attempts.attempt,
        run_members.run_id,
        attempts.job_id,
        attempts.job_name,
        attempts.user AS owner,
        attempts.account,
        attempts.partition,
        attempts.qos,
        attempts.state,
        attempts.node_count,
        attempts.gpu_count,
        attempts.nodes,
        attempts.ended,
        attempts.start_micros,
        attempts.end_micros,
        coalesce(attempts.end_micros, observation.to_micros) AS stop_micros,
        unix_micros(coalesce(attempts.eligible_utc, attempts.submit_utc, attempts.start_utc)) AS eligible_micros,
        observation.from_micros AS observed_from_micros,
        observation.to_micros AS observed_to_micros
    FROM attempts
    INNER JOIN observation ON attempts.cluster = observation.cluster AND observation.table_name = 'jobs'
    INNER JOIN run_members
        ON attempts.cluster = run_members.cluster
        AND attempts.job_id_raw = run_members.job_id_raw
        AND attempts.attempt = run_members.attempt
),

lines AS (
    SELECT cluster, job_id, unix_micros(time_utc) AS time_micros, step, 'step' AS kind, step_seconds AS seconds
    FROM training_steps
    UNION ALL
    SELECT
        cluster,
        job_id,
        unix_micros(started_utc) AS time_micros,
        step,
        CASE WHEN action = 'loaded' THEN 'loaded' ELSE coalesce(kind, 'blocking') END AS kind,
        duration_seconds AS seconds
    FROM checkpoints
),

logging_jobs AS (
    SELECT DISTINCT cluster, job_id FROM lines
),

cluster_saves AS (
    SELECT cluster, avg(seconds) AS stall_seconds FROM lines WHERE kind = 'blocking' GROUP BY cluster
),

-- every attempt of a job that logs: its lines, or one row without any
watched AS (
    SELECT
        ran.cluster,
        ran.job_id_raw,
        ran.attempt,
        ran.run_id,
        ran.start_micros,
        ran.stop_micros,
        lines.time_micros,
        lines.step,
        lines.kind,
        lines.seconds
    FROM ran
    INNER JOIN logging_jobs ON ran.cluster = logging_jobs.cluster AND ran.job_id_raw = logging_jobs.job_id
    LEFT JOIN lines
        ON ran.cluster = lines.cluster
        AND ran.job_id_raw = lines.job_id
        AND lines.time_micros >= ran.start_micros
        AND lines.time_micros <= ran.stop_micros
),

in_their_run AS (
    SELECT
        watched.*,
        row_number() OVER (PARTITION BY cluster, job_id_raw, attempt, kind ORDER BY time_micros, step) AS place,
        max(CASE WHEN kind = 'loaded' THEN step END) OVER (
            PARTITION BY cluster, job_id_raw, attempt ORDER BY step RANGE BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING
        ) AS loaded_below,
        max(CASE WHEN kind IN ('blocking', 'asynchronous') THEN step END) OVER (
            PARTITION BY cluster, run_id ORDER BY step RANGE BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING
        ) AS saved_below,
        max(CASE WHEN kind = 'asynchronous' THEN 1 ELSE 0 END) OVER (PARTITION BY cluster, run_id) AS in_background,
        avg(CASE WHEN kind = 'blocking' THEN seconds END) OVER (PARTITION BY cluster, run_id) AS usual_stall_seconds
    FROM watched
),

-- a row per save (the wait for it and its write in the background are one), and one per attempt for all else
saves_and_steps AS (
    SELECT
        cluster,
        job_id_raw,
        attempt,
        run_id,
        start_micros,
        stop_micros,
        in_background,
        usual_stall_seconds,
        kind IN ('blocking', 'asynchronous') AS is_save,
        min(time_micros) AS time_micros,
        max(CASE WHEN kind = 'asynchronous' THEN 1 ELSE 0 END) AS written_in_background,
        coalesce(
            sum(CASE WHEN kind = 'blocking' THEN coalesce(seconds, usual_stall_seconds, 0e0) END), 0e0
        ) AS whole_stall_seconds,
        min(CASE WHEN kind = 'step' THEN time_micros END) AS first_micros,
        max(CASE WHEN kind = 'step' THEN time_micros END) AS last_micros,
        max(CASE WHEN kind = 'step' AND place = 1 THEN step END) AS first_step,
        max(CASE WHEN kind = 'step' AND place = 2 THEN step END) AS second_step,
        max(CASE WHEN kind = 'step' AND place = 1 THEN coalesce(loaded_below, saved_below) END) AS resumed_step,
        coalesce(
            max(CASE WHEN kind = 'step' AND place = 1 THEN seconds END), avg(CASE WHEN kind = 'step' THEN seconds END)
        ) AS step_seconds
    FROM in_their_run
    GROUP BY
        cluster, job_id_raw, attempt, run_id, start_micros, stop_micros, in_background, usual_stall_seconds,
        kind IN ('blocking', 'asynchronous'),
        CASE WHEN kind IN ('blocking', 'asynchronous') THEN coalesce(step, -time_micros) END
),

judged_saves AS (
    SELECT
        saves_and_steps.*,
        least(whole_stall_seconds, (stop_micros - time_micros) / 1e6) AS stall_seconds,
        CASE
            WHEN NOT is_save THEN FALSE
            WHEN in_background = 1 THEN written_in_background = 1
            ELSE time_micros + whole_stall_seconds * 1e6 <= stop_micros
        END AS is_safe,
        CASE
            WHEN is_save THEN (
                time_micros
                - lag(time_micros) OVER (PARTITION BY cluster, job_id_raw, attempt, is_save ORDER BY time_micros)
            ) / 1e6
            - lag(whole_stall_seconds) OVER (PARTITION BY cluster, job_id_raw, attempt, is_save ORDER BY time_micros)
        END AS interval_seconds
    FROM saves_and_steps
),

with_last_safe AS (
    SELECT
        judged_saves.*,
        max(CASE WHEN is_safe THEN time_micros END) OVER (PARTITION BY cluster, job_id_raw, attempt) AS safe_micros
    FROM judged_saves
),

of_attempts AS (
    SELECT
        cluster,
        job_id_raw,
        attempt,
        run_id,
        start_micros,
        stop_micros,
        usual_stall_seconds,
        safe_micros,
        max(first_micros) AS first_micros,
        max(first_step) AS first_step,
        max(resumed_step) AS resumed_step,
        max(second_step) AS second_step,
        max(step_seconds) AS step_seconds,
        max(last_micros) AS last_step_micros,
        sum(CASE WHEN is_save THEN 1 ELSE 0 END) AS saves,
        min(CASE WHEN is_save THEN time_micros END) AS first_save_micros,
        max(CASE WHEN is_save THEN time_micros + stall_seconds * 1e6 END) AS last_save_micros,
        sum(CASE WHEN is_save THEN stall_seconds ELSE 0e0 END) AS stall_seconds,
        sum(CASE WHEN is_save AND time_micros >= coalesce(safe_micros, 0) THEN stall_seconds ELSE 0e0 END)
            AS stalls_after_seconds,
        sum(interval_seconds) AS interval_seconds,
        count(interval_seconds) AS intervals
    FROM with_last_safe
    GROUP BY cluster, job_id_raw, attempt, run_id, start_micros, stop_micros, usual_stall_seconds, safe_micros
),

-- The steps before the first logged one: a candidate counts if they fit between the start and the line, to a step.
begun AS (
    SELECT
        of_attempts.*,
        (first_micros - start_micros) / 1e6 AS first_seconds,
        first_step - resumed_step AS steps_since_resumed,
        least(first_step, coalesce(second_step - first_step, first_step)) AS steps_since_line,
        (first_micros - start_micros) / 1e6 / step_seconds + 1e0 AS steps_that_fit,
        greatest(0, second_step - first_step) * step_seconds AS line_seconds
    FROM of_attempts
),

restarted AS (
    SELECT
        begun.*,
        CASE
            WHEN steps_since_resumed <= steps_that_fit
                THEN greatest(0e0, first_seconds - steps_since_resumed * step_seconds)
            WHEN steps_since_line <= steps_that_fit THEN greatest(0e0, first_seconds - steps_since_line * step_seconds)
        END AS logged_restart_seconds
    FROM begun
),

as_their_run AS (
    SELECT
        restarted.*,
        sum(saves) OVER of_run AS saves_of_run,
        sum(interval_seconds) OVER of_run / sum(intervals) OVER of_run AS usual_interval_seconds,
        avg(logged_restart_seconds) OVER of_run AS usual_restart_seconds,
        max(line_seconds) OVER of_run AS usual_line_seconds
    FROM restarted
    WINDOW of_run AS (PARTITION BY cluster, run_id)
),

told AS (
    SELECT
        cluster,
        job_id_raw,
        attempt,
        least(
            (stop_micros - start_micros) / 1e6,
            coalesce(
                logged_restart_seconds,
                least(
                    coalesce(usual_restart_seconds, CAST(parameters.restart_overhead_seconds AS DOUBLE)),
                    (coalesce(first_micros, first_save_micros, stop_micros) - start_micros) / 1e6
                )
            )
        ) AS restart_seconds,
        stall_seconds AS checkpoint_seconds,
        (safe_micros - start_micros) / 1e6 AS safe_seconds,
        stalls_after_seconds,
        usual_interval_seconds AS interval_seconds,
        usual_stall_seconds,
        -- Does the log reach to the end, and would it have told of a save?
        saves_of_run > 0
        AND CASE
            WHEN last_step_micros IS NULL AND last_save_micros IS NULL
                THEN (stop_micros - start_micros) / 1e6 <= 2e0 * (
                    coalesce(usual_restart_seconds, CAST(parameters.restart_overhead_seconds AS DOUBLE))
                    + usual_line_seconds
                )
            ELSE (stop_micros - greatest(coalesce(last_step_micros, 0), coalesce(last_save_micros, 0e0))) / 1e6
                <= 2e0 * coalesce(usual_interval_seconds, CAST(parameters.checkpoint_interval_seconds AS DOUBLE))
        END AS to_the_end
    FROM as_their_run
    CROSS JOIN parameters
),

whole AS (
    SELECT
        ran.*,
        (stop_micros - start_micros) / 1e6 AS whole_seconds,
        coalesce(
            told.restart_seconds,
            least((stop_micros - start_micros) / 1e6, CAST(parameters.restart_overhead_seconds AS DOUBLE))
        ) AS whole_restart_seconds,
        coalesce(told.checkpoint_seconds, 0e0) AS logged_checkpoint_seconds,
        -- work that no safe checkpoint holds
        greatest(
            0e0,
            (stop_micros - start_micros) / 1e6
            - greatest(
                coalesce(told.safe_seconds, 0e0),
                coalesce(told.restart_seconds, CAST(parameters.restart_overhead_seconds AS DOUBLE))
            )
            - coalesce(told.stalls_after_seconds, 0e0)
        ) AS unsafe_seconds,
        coalesce(told.interval_seconds, CAST(parameters.checkpoint_interval_seconds AS DOUBLE)) AS interval_seconds,
        coalesce(told.usual_stall_seconds, cluster_saves.stall_seconds, 0e0) AS stall_seconds,
        coalesce(told.to_the_end, FALSE) AS to_the_end,
        state IN ('COMPLETED', 'REQUEUED') OR end_micros IS NULL AS keeps_all,
        CASE WHEN told.to_the_end THEN 'logged' ELSE 'assumed' END AS checkpoint_source
    FROM ran
    CROSS JOIN parameters
    LEFT JOIN cluster_saves ON ran.cluster = cluster_saves.cluster
    LEFT JOIN told
        ON ran.cluster = told.cluster
        AND ran.job_id_raw = told.job_id_raw
        AND ran.attempt = told.attempt
),

-- Of the time that no log tells of: whole cycles of work and save, and the rest, which may have begun a save.
cycled AS (
    SELECT
        whole.*,
        floor(unsafe_seconds / (interval_seconds + stall_seconds)) AS cycles,
        unsafe_seconds
        - floor(unsafe_seconds / (interval_seconds + stall_seconds)) * (interval_seconds + stall_seconds) AS rest_seconds
    FROM whole
),

divided AS (
    SELECT
        cycled.*,
        CASE
            WHEN keeps_all THEN 0e0
            WHEN to_the_end THEN unsafe_seconds
            ELSE least(rest_seconds, interval_seconds)
        END AS whole_lost_seconds,
        CASE
            WHEN to_the_end THEN logged_checkpoint_seconds
            ELSE logged_checkpoint_seconds + cycles * stall_seconds + greatest(0e0, rest_seconds - interval_seconds)
        END AS whole_checkpoint_seconds,
        greatest(start_micros, observed_from_micros) AS from_micros,
        greatest(greatest(start_micros, observed_from_micros), least(stop_micros, observed_to_micros)) AS to_micros
    FROM cycled
),

placed AS (
    SELECT
        divided.*,
        (from_micros - start_micros) / 1e6 AS from_seconds,
        (to_micros - start_micros) / 1e6 AS to_seconds,
        whole_seconds - whole_lost_seconds AS lost_from_seconds,
        greatest(0e0, whole_seconds - whole_lost_seconds - whole_restart_seconds) AS kept_seconds
    FROM divided
),

cut AS (
    SELECT
        placed.*,
        greatest(0e0, least(to_seconds, whole_restart_seconds) - from_seconds) AS restart_seconds,
        greatest(0e0, to_seconds - greatest(from_seconds, lost_from_seconds)) AS lost_seconds,
        CASE WHEN kept_seconds > 0 THEN least(1e0, whole_checkpoint_seconds / kept_seconds) ELSE 0e0 END AS checkpoint_share
    FROM placed
)

SELECT
    cluster,
    job_id_raw,
    attempt,
    run_id,
    job_id,
    job_name,
    owner AS user,
    account,
    partition,
    qos,
    state,
    node_count,
    gpu_count,
    nodes,
    from_micros,
    to_micros,
    attempt = 1 AND job_id_raw = run_id AND start_micros >= observed_from_micros AS begins_run,
    ended,
    greatest(
        0e0, (least(start_micros, observed_to_micros) - greatest(eligible_micros, observed_from_micros)) / 1e6
    ) AS queue_seconds,
    to_seconds - from_seconds AS run_seconds,
    restart_seconds,
    greatest(0e0, to_seconds - from_seconds - restart_seconds - lost_seconds) * (1e0 - checkpoint_share) AS productive_seconds,
    greatest(0e0, to_seconds - from_seconds - restart_seconds - lost_seconds) * checkpoint_share AS checkpoint_seconds,
    lost_seconds,
    checkpoint_source
FROM cut
