-- grain: group of attempts (parameters.group_by; empty: all) and run time at which one of them left observation.
-- inputs: attempt_ends.
-- What the Aalen–Johansen estimator needs: attempts at risk (entry < t <= exit) and how many left by each end. Only these
-- counts reach it, so a hundred million attempts cost no more than their distinct run times. Of run time within a second
-- that nothing ended, nothing is known: it is left out.
WITH moves AS (
    SELECT group_name, exit_micros AS at_micros, 0 AS entries, 1 AS exits, end_name
    FROM attempt_ends
    WHERE end_name <> 'running' OR run_hours > 0
    UNION ALL
    SELECT group_name, entry_micros AS at_micros, 1 AS entries, 0 AS exits, 'entered' AS end_name
    FROM attempt_ends
    WHERE end_name <> 'running' OR run_hours > 0
),

moments AS (
    SELECT
        group_name,
        at_micros,
        sum(entries) AS entries,
        sum(exits) AS exits,
        sum(CASE WHEN end_name = 'completed' THEN 1 ELSE 0 END) AS completed,
        sum(CASE WHEN end_name = 'user_failure' THEN 1 ELSE 0 END) AS user_failure,
        sum(CASE WHEN end_name = 'infrastructure' THEN 1 ELSE 0 END) AS infrastructure,
        sum(CASE WHEN end_name = 'preempted' THEN 1 ELSE 0 END) AS preempted,
        sum(CASE WHEN end_name = 'timeout' THEN 1 ELSE 0 END) AS timeout,
        sum(CASE WHEN end_name = 'cancelled' THEN 1 ELSE 0 END) AS cancelled,
        sum(CASE WHEN end_name = 'out_of_memory' THEN 1 ELSE 0 END) AS out_of_memory,
        sum(CASE WHEN end_name = 'other' THEN 1 ELSE 0 END) AS other
    FROM moves
    GROUP BY group_name, at_micros
),

running AS (
    SELECT
        moments.*,
        sum(entries) OVER (PARTITION BY group_name ORDER BY at_micros) - entries AS entered_before,
        sum(exits) OVER (PARTITION BY group_name ORDER BY at_micros) - exits AS left_before
    FROM moments
)

SELECT
    group_name,
    at_micros / 3.6e9 AS time_hours,
    CAST(entered_before - left_before AS BIGINT) AS at_risk,
    CAST(exits AS BIGINT) AS exits,
    CAST(completed AS BIGINT) AS completed,
    CAST(user_failure AS BIGINT) AS user_failure,
    CAST(infrastructure AS BIGINT) AS infrastructure,
    CAST(preempted AS BIGINT) AS preempted,
    CAST(timeout AS BIGINT) AS timeout,
    CAST(cancelled AS BIGINT) AS cancelled,
    CAST(out_of_memory AS BIGINT) AS out_of_memory,
    CAST(other AS BIGINT) AS other
FROM running
WHERE exits > 0
