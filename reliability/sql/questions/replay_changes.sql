-- What would have become of the seconds of each attempt, had a lever stood otherwise: per bucket the change in
-- unit-seconds and what its interval needs. Attempts begin and end when they did; only what their seconds count as changes,
-- so that the changes of an attempt add up to 0. See `replay_attempts` for what is known of each.
-- Levers, null where they stay as they were: $interval_seconds, $write_seconds, $stall_seconds, $restart_seconds,
-- $detection_seconds; $spared_symptoms and the nodes of $drained_clusters and $drained_nodes, out of service from
-- $drained_micros on: a failure of these ends no attempt; $none_preempted: who comes back from a failure preempts nobody.
--   An attempt that is spared its end keeps all its work, and the next one of its run starts without a restart.
--   restart: whoever restarted does it in $restart_seconds, or in its whole run time where that was shorter.
--   interval: work is cut into stretches of $interval_seconds from the first step on, each followed by the stall of the
--   run's checkpoints; a stretch is safe once its checkpoint is written, and an attempt that did not end well loses what
--   came after the last safe one.
--   stall: seconds of checkpoints change in proportion.
--   detection: of the lost seconds, those from the first sign to the end are at most $detection_seconds.
-- Failures of one run count as one event; what a preemption cost belongs to the run whose return brought it about.
WITH drained AS (
    SELECT
        unnest(CAST($drained_clusters AS VARCHAR[])) AS cluster,
        unnest(CAST($drained_nodes AS VARCHAR[])) AS node,
        unnest(CAST($drained_micros AS BIGINT[])) AS drained_micros
),

avoided AS (
    SELECT replay_attempts.cluster, replay_attempts.job_id_raw, replay_attempts.attempt
    FROM replay_attempts
    LEFT JOIN drained
        ON replay_attempts.cluster = drained.cluster
        AND replay_attempts.failed_node = drained.node
        AND replay_attempts.from_micros >= drained.drained_micros
    WHERE
        replay_attempts.is_infrastructure
        AND (drained.node IS NOT NULL OR list_contains(CAST($spared_symptoms AS VARCHAR[]), replay_attempts.cause))
),

spared AS (
    SELECT
        replay_attempts.*,
        is_infrastructure OR root_job_id_raw IS NOT NULL AS by_failure,
        own.attempt IS NOT NULL
        OR (root_job_id_raw IS NOT NULL AND ($none_preempted OR of_root.attempt IS NOT NULL)) AS end_spared
    FROM replay_attempts
    LEFT JOIN avoided AS own
        ON replay_attempts.cluster = own.cluster
        AND replay_attempts.job_id_raw = own.job_id_raw
        AND replay_attempts.attempt = own.attempt
    LEFT JOIN avoided AS of_root
        ON replay_attempts.cluster = of_root.cluster
        AND replay_attempts.root_job_id_raw = of_root.job_id_raw
        AND replay_attempts.root_attempt = of_root.attempt
),

in_turn AS (
    SELECT
        spared.*,
        coalesce(lag(end_spared) OVER of_run, FALSE) AS start_spared,
        coalesce(lag(by_failure) OVER of_run, FALSE) AS after_failure,
        lag(failed_run_id) OVER of_run AS failed_run_before
    FROM spared
    WINDOW of_run AS (PARTITION BY cluster, run_id ORDER BY from_micros, to_micros, job_id_raw, attempt)
),

restarted AS (
    SELECT
        in_turn.*,
        CASE
            WHEN start_spared THEN 0
            WHEN $restart_seconds IS NULL OR NOT is_whole OR restart_seconds = 0 THEN restart_seconds
            ELSE least(run_seconds, CAST($restart_seconds AS DOUBLE))
        END AS restart_now,
        stall_seconds AS stall_then,
        CAST(coalesce($stall_seconds, stall_seconds) AS DOUBLE) AS stall_now,
        CAST(greatest(coalesce($write_seconds, write_seconds), coalesce($stall_seconds, stall_seconds)) AS DOUBLE) AS write_now,
        CASE WHEN is_whole THEN CAST($interval_seconds AS DOUBLE) END AS interval_now
    FROM in_turn
),

written AS (
    SELECT
        restarted.*,
        run_seconds - restart_now AS trained,
        least(
            run_seconds - restart_now,
            CASE
                WHEN interval_now IS NOT NULL
                    THEN floor((run_seconds - restart_now) / (interval_now + stall_now)) * stall_now
                    + greatest(0, (run_seconds - restart_now) % (interval_now + stall_now) - interval_now)
                WHEN $stall_seconds IS NOT NULL AND stall_then > 0 THEN checkpoint_seconds * stall_now / stall_then
                ELSE checkpoint_seconds
            END
        ) AS checkpoint_now
    FROM restarted
),

lost AS (
    SELECT
        written.*,
        CASE
            WHEN end_spared THEN 0
            WHEN interval_now IS NULL THEN least(lost_seconds, trained - checkpoint_now)
            WHEN keeps_all THEN 0
            ELSE trained - checkpoint_now - least(
                trained - checkpoint_now,
                interval_now * greatest(0, floor((trained - write_now + stall_now) / (interval_now + stall_now)))
            )
        END AS lost_wanted,
        CASE
            WHEN NOT end_spared AND seconds_to_detect > $detection_seconds THEN seconds_to_detect - $detection_seconds
            ELSE 0
        END AS detected_earlier
    FROM written
),

-- Logs tell microseconds: less is the arithmetic's.
changed AS (
    SELECT
        cluster,
        lost_bucket,
        failed_run_id,
        failed_run_before,
        after_failure,
        units * round(checkpoint_now - checkpoint_seconds, 6) AS checkpoint_change,
        units * round(restart_now - restart_seconds, 6) AS restart_change,
        units * round(greatest(0, lost_wanted - detected_earlier) - lost_seconds, 6) AS lost_change
    FROM lost
),

-- What a failure decided is an event of the run whose failure it was; what changes whatever fails is certain.
by_bucket AS (
    SELECT
        cluster,
        failed_run_id AS unit,
        lost_bucket AS bucket,
        lost_change AS eventual,
        0e0 AS certain
    FROM changed
    WHERE lost_change <> 0
    UNION ALL
    SELECT cluster, failed_run_id, 'productive', -lost_change, 0e0 FROM changed WHERE lost_change <> 0
    UNION ALL
    SELECT cluster, failed_run_before, 'restart', restart_change, 0e0
    FROM changed
    WHERE restart_change <> 0 AND after_failure
    UNION ALL
    SELECT cluster, failed_run_before, 'productive', -restart_change, 0e0
    FROM changed
    WHERE restart_change <> 0 AND after_failure
    UNION ALL
    SELECT cluster, NULL, 'restart', 0e0, restart_change
    FROM changed
    WHERE restart_change <> 0 AND NOT after_failure
    UNION ALL
    SELECT cluster, NULL, 'productive', 0e0, -restart_change
    FROM changed
    WHERE restart_change <> 0 AND NOT after_failure
    UNION ALL
    SELECT cluster, NULL, 'checkpoint_write', 0e0, checkpoint_change FROM changed WHERE checkpoint_change <> 0
    UNION ALL
    SELECT cluster, NULL, 'productive', 0e0, -checkpoint_change FROM changed WHERE checkpoint_change <> 0
),

by_unit AS (
    SELECT bucket, cluster, unit, sum(eventual) AS eventual, sum(certain) AS certain
    FROM by_bucket
    GROUP BY bucket, cluster, unit
)

SELECT
    bucket,
    (SELECT count(*) FROM spared WHERE end_spared) AS attempts_spared,
    sum(certain) AS certain_seconds,
    sum(greatest(0e0, eventual)) AS gained_seconds,
    sum(greatest(0e0, eventual) * greatest(0e0, eventual)) AS gained_squares,
    max(greatest(0e0, eventual)) AS gained_largest,
    sum(greatest(0e0, -eventual)) AS lost_seconds,
    sum(greatest(0e0, -eventual) * greatest(0e0, -eventual)) AS lost_squares,
    max(greatest(0e0, -eventual)) AS lost_largest
FROM by_unit
GROUP BY bucket
ORDER BY bucket
