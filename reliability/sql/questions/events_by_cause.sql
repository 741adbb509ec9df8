-- one row per cause: independent events behind the failures counted ($counted: attempt or node); and of all (cause null).
WITH counted AS (
    SELECT event_members.cluster, event_members.event_number, attributions.cause
    FROM event_members
    INNER JOIN attributions
        ON event_members.cluster = attributions.cluster
        AND event_members.job_id_raw = attributions.job_id_raw
        AND event_members.attempt = attributions.attempt
    CROSS JOIN parameters
    WHERE
        $counted = 'attempt'
        AND event_members.member = 'attempt'
        AND (parameters.min_gpus = 0 OR attributions.gpu_count > parameters.min_gpus)
    UNION ALL
    SELECT
        event_members.cluster,
        event_members.event_number,
        CASE
            WHEN node_failures.component = 'node' AND node_failures.symptom = 'node_unresponsive' THEN 'unattributed'
            ELSE node_failures.component
        END AS cause
    FROM event_members
    INNER JOIN node_failures
        ON event_members.cluster = node_failures.cluster
        AND event_members.node = node_failures.node
        AND event_members.from_micros = unix_micros(node_failures.from_utc)
    WHERE $counted = 'node' AND event_members.member = 'outage' AND node_failures.domain <> 'user_program'
)

SELECT cause, count(DISTINCT (cluster, event_number)) AS events
FROM counted
GROUP BY GROUPING SETS ((cause), ())
