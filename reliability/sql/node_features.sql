-- grain: cluster and node of the fleet, over the observation (parameters.window_from and window_to: 28 days in the paper).
-- inputs: exposure, observation, node_intervals, node_troubles, attempts, jobs, events.
-- The seven features of Kokolis et al. (HPCA 2025) by which lemon nodes are told:
--   excl_jobid_count: jobs submitted in the window that exclude the node.
--   xid_cnt: different Xid codes that the node logged, those of user programs aside.
--   tickets: troubles in which hands were laid on the node (node_troubles.is_repair), those it shares with others aside.
--   out_count: times it was taken out of the scheduler: unplanned down or drain intervals that continue no other.
--   multi_node_node_fails, single_node_node_fails: attempts on several nodes, or on this one alone, that it ended.
--   single_node_node_failure_rate: of the ended attempts on this node alone, the share that it ended; null without any.
-- And what they rest on: days in service and up, attempts and hours of jobs, troubles of its own and shared ones.
WITH served AS (
    SELECT
        cluster,
        node,
        max(gpu_count) AS gpu_count,
        max(gpu_model) AS gpu_model,
        max(rack) AS rack,
        max(pod) AS pod,
        sum(in_service_seconds) / 8.64e4 AS in_service_days,
        sum(up_seconds + unknown_seconds) / 8.64e4 AS up_days
    FROM exposure
    GROUP BY cluster, node
),

ran AS (
    SELECT cluster, explode(nodes) AS node, run_seconds, node_count, ended FROM attempts
),

jobs_on AS (
    SELECT
        cluster,
        node,
        count(*) AS attempts,
        sum(run_seconds) / 3.6e3 AS job_hours,
        sum(CASE WHEN node_count = 1 AND ended THEN 1 ELSE 0 END) AS single_node_attempts
    FROM ran
    GROUP BY cluster, node
),

exclusions AS (
    SELECT jobs.cluster, jobs.job_id_raw, explode(jobs.excluded_nodes) AS node
    FROM jobs
    INNER JOIN observation ON jobs.cluster = observation.cluster AND observation.table_name = 'jobs'
    WHERE
        unix_micros(jobs.submit_utc) >= observation.from_micros
        AND unix_micros(jobs.submit_utc) <= observation.last_micros
),

excluded AS (
    SELECT cluster, node, count(DISTINCT job_id_raw) AS jobs FROM exclusions GROUP BY cluster, node
),

xids AS (
    SELECT events.cluster, events.node, count(DISTINCT events.code) AS codes
    FROM events
    INNER JOIN observation ON events.cluster = observation.cluster AND observation.table_name = 'events'
    WHERE
        events.code LIKE 'xid:%'
        AND events.domain <> 'user_program'
        AND unix_micros(events.time_utc) >= observation.from_micros
        AND unix_micros(events.time_utc) <= observation.last_micros
    GROUP BY events.cluster, events.node
),

taken_out AS (
    SELECT node_intervals.cluster, node_intervals.node, count(*) AS times
    FROM node_intervals
    INNER JOIN observation
        ON node_intervals.cluster = observation.cluster AND observation.table_name = 'node_states'
    WHERE
        node_intervals.state IN ('down', 'drain')
        AND NOT node_intervals.planned
        AND NOT node_intervals.continues
        AND node_intervals.from_micros >= observation.from_micros
        AND node_intervals.from_micros <= observation.last_micros
    GROUP BY node_intervals.cluster, node_intervals.node
),

troubled AS (
    SELECT
        cluster,
        node,
        sum(CASE WHEN is_repair AND NOT is_shared THEN 1 ELSE 0 END) AS tickets,
        sum(CASE WHEN is_shared THEN 0 ELSE 1 END) AS own_troubles,
        sum(CASE WHEN is_shared THEN 1 ELSE 0 END) AS shared_troubles,
        sum(CASE WHEN is_relapse AND NOT is_shared THEN 1 ELSE 0 END) AS relapses,
        sum(attempts) AS attempts_ended,
        sum(multi_node_attempts) AS multi_node_node_fails,
        sum(attempts - multi_node_attempts) AS single_node_node_fails,
        max(CASE WHEN is_repair THEN back_micros END) AS last_repair_micros
    FROM node_troubles
    GROUP BY cluster, node
)

SELECT
    served.cluster,
    served.node,
    served.gpu_count,
    served.gpu_model,
    served.rack,
    served.pod,
    served.in_service_days,
    served.up_days,
    coalesce(jobs_on.attempts, 0) AS attempts,
    coalesce(jobs_on.job_hours, 0e0) AS job_hours,
    coalesce(jobs_on.single_node_attempts, 0) AS single_node_attempts,
    coalesce(excluded.jobs, 0) AS excl_jobid_count,
    coalesce(xids.codes, 0) AS xid_cnt,
    coalesce(troubled.tickets, 0) AS tickets,
    coalesce(taken_out.times, 0) AS out_count,
    coalesce(troubled.multi_node_node_fails, 0) AS multi_node_node_fails,
    coalesce(troubled.single_node_node_fails, 0) AS single_node_node_fails,
    CASE
        WHEN jobs_on.single_node_attempts > 0
            THEN CAST(coalesce(troubled.single_node_node_fails, 0) AS DOUBLE) / jobs_on.single_node_attempts
    END AS single_node_node_failure_rate,
    coalesce(troubled.own_troubles, 0) AS own_troubles,
    coalesce(troubled.shared_troubles, 0) AS shared_troubles,
    coalesce(troubled.relapses, 0) AS relapses,
    timestamp_micros(troubled.last_repair_micros) AS last_repair_utc
FROM served
LEFT JOIN jobs_on ON served.cluster = jobs_on.cluster AND served.node = jobs_on.node
LEFT JOIN excluded ON served.cluster = excluded.cluster AND served.node = excluded.node
LEFT JOIN xids ON served.cluster = xids.cluster AND served.node = xids.node
LEFT JOIN taken_out ON served.cluster = taken_out.cluster AND served.node = taken_out.node
LEFT JOIN troubled ON served.cluster = troubled.cluster AND served.node = troubled.node
