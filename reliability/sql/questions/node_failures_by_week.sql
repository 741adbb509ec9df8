-- one row per week (its Monday, UTC) in which unplanned outages began, and component their reason names.
SELECT
    CAST(date_trunc('week', from_utc) AS DATE) AS week,
    CASE WHEN component = 'node' AND symptom = 'node_unresponsive' THEN 'unattributed' ELSE component END AS cause,
    domain <> 'user_program' AS is_infrastructure,
    count(*) AS failures
FROM node_failures
GROUP BY 1, 2, 3
ORDER BY 1, 2
