-- one row per end state: attempts that ended within the observation, their share, and their GPU-hours within it.
SELECT
    state,
    count(*) AS attempts,
    count(*) / sum(count(*)) OVER () AS share,
    sum(run_seconds * gpu_count) / 3.6e3 AS gpu_hours
FROM attempts
WHERE ended
GROUP BY state
ORDER BY attempts DESC, state
