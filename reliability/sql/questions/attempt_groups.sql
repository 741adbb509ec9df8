-- one row per group of attempts: how many ended and by whom, run time, and the sums over users behind clustered intervals.
WITH users AS (
    SELECT
        group_name,
        cluster,
        clustered_by,
        count(*) FILTER (WHERE end_name <> 'running') AS attempts,
        count(*) FILTER (WHERE end_name = 'running') AS running,
        count(*) FILTER (WHERE end_name = 'infrastructure') AS infrastructure,
        count(*) FILTER (WHERE end_name IN ('user_failure', 'out_of_memory')) AS user_program,
        sum(run_hours) AS run_hours,
        sum(node_days) AS node_days,
        sum(gpu_hours) AS gpu_hours
    FROM attempt_ends
    GROUP BY group_name, cluster, clustered_by
)

SELECT
    group_name,
    CAST(sum(attempts) AS BIGINT) AS attempts,
    CAST(sum(running) AS BIGINT) AS running,
    CAST(sum(infrastructure) AS BIGINT) AS infrastructure,
    CAST(sum(user_program) AS BIGINT) AS user_program,
    sum(run_hours) AS run_hours,
    sum(node_days) AS node_days,
    sum(gpu_hours) AS gpu_hours,
    count(*) FILTER (WHERE attempts > 0) AS users_with_ends,
    count(*) FILTER (WHERE run_hours > 0) AS users_with_run_time,
    CAST(sum(attempts * attempts) AS DOUBLE) AS attempts_squared,
    CAST(sum(infrastructure * infrastructure) AS DOUBLE) AS infrastructure_squared,
    CAST(sum(infrastructure * attempts) AS DOUBLE) AS infrastructure_times_attempts,
    CAST(sum(user_program * user_program) AS DOUBLE) AS user_program_squared,
    CAST(sum(user_program * attempts) AS DOUBLE) AS user_program_times_attempts,
    sum(run_hours * run_hours) AS run_hours_squared,
    sum(infrastructure * run_hours) AS infrastructure_times_run_hours
FROM users
GROUP BY group_name
ORDER BY group_name
