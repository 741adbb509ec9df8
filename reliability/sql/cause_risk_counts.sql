-- grain: group of units, moment of their clock at which one fails, and what it failed of.
-- inputs: grouped_lives.
-- What the Aalen–Johansen estimator needs beside `risk_counts`: its events told apart by symptom.
SELECT group_name, time_hours, cause, CAST(sum(lives) AS BIGINT) AS events
FROM (SELECT group_name, exit_hours AS time_hours, cause, lives FROM grouped_lives WHERE observed) AS failures
GROUP BY group_name, time_hours, cause
