-- grain: group of attempts (parameters.group_by; empty: all) and run time of an attempt, cut as in `attempt_exposed`.
-- inputs: attempt_exposed, attributions.
-- How an attempt left observation: one of the competing ends, or `running` (censored: it was still running at the end of
-- the observation or of the period). The infrastructure ended what `attributions` says; a FAILED that it did not end is
-- the user's. Entry and exit are on the attempt's own clock, its run time: one already running when the log begins enters
-- late. Logs have whole seconds: what ended in the second it began counts as half a second, so that it was at risk.
-- `clustered_by` is whose attempts share what is wrong with them: the user, or the job where the log names no user.
WITH timed AS (
    SELECT
        attempt_exposed.*,
        coalesce(attributions.is_infrastructure, FALSE) AS is_infrastructure
    FROM attempt_exposed
    LEFT JOIN attributions
        ON attempt_exposed.cluster = attributions.cluster
        AND attempt_exposed.unit = attributions.job_id_raw
        AND attempt_exposed.attempt = attributions.attempt
)

SELECT
    group_name,
    cluster,
    unit,
    attempt,
    coalesce(timed.user, timed.unit) AS clustered_by,
    CASE
        WHEN NOT (ended AND ends_here) THEN 'running'
        WHEN is_infrastructure THEN 'infrastructure'
        WHEN state = 'COMPLETED' THEN 'completed'
        WHEN state = 'FAILED' THEN 'user_failure'
        WHEN state = 'OUT_OF_MEMORY' THEN 'out_of_memory'
        WHEN state = 'PREEMPTED' OR (preempted_by IS NOT NULL AND state IN ('REQUEUED', 'CANCELLED')) THEN 'preempted'
        WHEN state = 'CANCELLED' THEN 'cancelled'
        WHEN state IN ('TIMEOUT', 'DEADLINE') THEN 'timeout'
        ELSE 'other'
    END AS end_name,
    from_micros - start_micros AS entry_micros,
    CASE
        WHEN to_micros > from_micros THEN to_micros - start_micros
        ELSE from_micros - start_micros + 500000
    END AS exit_micros,
    (to_micros - from_micros) / 3.6e9 AS run_hours,
    (to_micros - from_micros) / 8.64e10 * weight AS node_days,
    (to_micros - from_micros) / 3.6e9 * gpu_count AS gpu_hours
FROM timed
