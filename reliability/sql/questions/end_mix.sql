-- one row per end of attempts that ended within the observation: attempts and GPU-hours, and the sums over users behind
-- clustered intervals of their shares. `users` are all that had an attempt end.
WITH user_ends AS (
    SELECT cluster, clustered_by, end_name, count(*) AS attempts, coalesce(sum(gpu_hours), 0e0) AS gpu_hours
    FROM attempt_ends
    WHERE end_name <> 'running'
    GROUP BY cluster, clustered_by, end_name
),

users AS (
    SELECT cluster, clustered_by, sum(attempts) AS attempts, sum(gpu_hours) AS gpu_hours
    FROM user_ends
    GROUP BY cluster, clustered_by
),

everything AS (
    SELECT
        count(*) AS users,
        CAST(sum(attempts) AS BIGINT) AS all_attempts,
        sum(gpu_hours) AS all_gpu_hours,
        CAST(sum(attempts * attempts) AS DOUBLE) AS all_attempts_squared,
        sum(gpu_hours * gpu_hours) AS all_gpu_hours_squared
    FROM users
)

SELECT
    user_ends.end_name,
    CAST(sum(user_ends.attempts) AS BIGINT) AS attempts,
    sum(user_ends.gpu_hours) AS gpu_hours,
    CAST(sum(user_ends.attempts * user_ends.attempts) AS DOUBLE) AS attempts_squared,
    CAST(sum(user_ends.attempts * users.attempts) AS DOUBLE) AS attempts_times_all,
    sum(user_ends.gpu_hours * user_ends.gpu_hours) AS gpu_hours_squared,
    sum(user_ends.gpu_hours * users.gpu_hours) AS gpu_hours_times_all,
    everything.users,
    everything.all_attempts,
    everything.all_gpu_hours,
    everything.all_attempts_squared,
    everything.all_gpu_hours_squared
FROM user_ends
INNER JOIN users ON user_ends.cluster = users.cluster AND user_ends.clustered_by = users.clustered_by
CROSS JOIN everything
GROUP BY ALL
ORDER BY attempts DESC, user_ends.end_name
