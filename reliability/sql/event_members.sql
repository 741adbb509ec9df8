-- grain: unplanned outage, burst of critical signs or infrastructure failure of an attempt, with the event it is part of.
-- inputs: sign_bursts, node_failures, attributions, parameters.
-- What befalls one node with no gap longer than parameters.incident_gap_seconds is one episode of that node; episodes
-- of a cluster that begin within parameters.event_gap_seconds of the one before are one event. Coincidence in time is all
-- that joins nodes here: which domain they share is not asked, and how often chance would do it is said beside the count.
-- An attempt counts to the node whose sign it was judged by, else the node that accounting or the controller names, else
-- the one of its nodes that went down next to its end; one that no node can be named for is an episode of its own.
WITH ended AS (
    SELECT
        cluster,
        job_id_raw,
        attempt,
        cause,
        unix_micros(end_utc) AS at_micros,
        coalesce(node, failed_node) AS known_node,
        nodes
    FROM attributions
    WHERE is_infrastructure
),

on_nodes AS (
    SELECT
        ended.cluster,
        ended.job_id_raw,
        ended.attempt,
        ended.at_micros,
        ended.at_micros - parameters.attribution_before_seconds * 1000000 AS from_micros,
        ended.at_micros + parameters.attribution_after_seconds * 1000000 AS to_micros,
        (parameters.attribution_before_seconds + parameters.attribution_after_seconds) * 1e6 + 1e0 AS bucket_micros,
        explode(ended.nodes) AS node
    FROM ended CROSS JOIN parameters
    WHERE ended.known_node IS NULL
),

-- Two buckets as wide as the window hold every moment of it: an equi-join, where a range join would be slow.
bucketed AS (
    SELECT
        *,
        explode(sequence(CAST(floor(from_micros / bucket_micros) AS BIGINT), CAST(floor(to_micros / bucket_micros) AS BIGINT))) AS bucket
    FROM on_nodes
),

bucketed_outages AS (
    SELECT
        node_failures.cluster,
        node_failures.node,
        unix_micros(node_failures.from_utc) AS outage_micros,
        CAST(
            floor(
                unix_micros(node_failures.from_utc)
                / ((parameters.attribution_before_seconds + parameters.attribution_after_seconds) * 1e6 + 1e0)
            ) AS BIGINT
        ) AS bucket
    FROM node_failures CROSS JOIN parameters
),

-- Outages within the attribution window: an attempt may end long after its node first went down and came back.
nearby AS (
    SELECT
        bucketed.cluster,
        bucketed.job_id_raw,
        bucketed.attempt,
        min_by(bucketed.node, abs(bucketed_outages.outage_micros - bucketed.at_micros)) AS node
    FROM bucketed
    INNER JOIN bucketed_outages
        ON bucketed.cluster = bucketed_outages.cluster
        AND bucketed.node = bucketed_outages.node
        AND bucketed.bucket = bucketed_outages.bucket
    WHERE
        bucketed_outages.outage_micros >= bucketed.from_micros
        AND bucketed_outages.outage_micros <= bucketed.to_micros
    GROUP BY bucketed.cluster, bucketed.job_id_raw, bucketed.attempt
),

members AS (
    SELECT
        cluster,
        'outage' AS member,
        node,
        node AS place,
        symptom,
        unix_micros(from_utc) AS from_micros,
        unix_micros(from_utc) AS to_micros,
        CAST(NULL AS STRING) AS job_id_raw,
        CAST(NULL AS INT) AS attempt
    FROM node_failures
    UNION ALL
    SELECT
        cluster,
        'sign' AS member,
        node,
        node AS place,
        kind AS symptom,
        from_micros,
        to_micros,
        CAST(NULL AS STRING) AS job_id_raw,
        CAST(NULL AS INT) AS attempt
    FROM sign_bursts
    WHERE named_by = 'symptom' AND NOT is_application
    UNION ALL
    SELECT
        ended.cluster,
        'attempt' AS member,
        coalesce(ended.known_node, nearby.node) AS node,
        coalesce(ended.known_node, nearby.node, CONCAT('job ', ended.job_id_raw, ' ', CAST(ended.attempt AS STRING))) AS place,
        ended.cause AS symptom,
        ended.at_micros AS from_micros,
        ended.at_micros AS to_micros,
        ended.job_id_raw,
        ended.attempt
    FROM ended
    LEFT JOIN nearby
        ON ended.cluster = nearby.cluster AND ended.job_id_raw = nearby.job_id_raw AND ended.attempt = nearby.attempt
),

reached AS (
    SELECT
        members.*,
        CASE
            WHEN
                from_micros - max(to_micros) OVER (
                    PARTITION BY cluster, place ORDER BY from_micros, to_micros ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING
                ) <= parameters.incident_gap_seconds * 1000000
                THEN 0
            ELSE 1
        END AS begins
    FROM members CROSS JOIN parameters
),

numbered AS (
    SELECT
        *,
        sum(begins) OVER (
            PARTITION BY cluster, place ORDER BY from_micros, to_micros ROWS BETWEEN UNBOUNDED PRECEDING AND CURRENT ROW
        ) AS episode_number
    FROM reached
),

episodes AS (
    SELECT cluster, place, episode_number, min(from_micros) AS onset_micros
    FROM numbered
    GROUP BY cluster, place, episode_number
),

apart AS (
    SELECT
        episodes.*,
        CASE
            WHEN
                onset_micros - lag(onset_micros) OVER (PARTITION BY cluster ORDER BY onset_micros, place)
                <= parameters.event_gap_seconds * 1000000
                THEN 0
            ELSE 1
        END AS begins
    FROM episodes CROSS JOIN parameters
),

joined AS (
    SELECT
        cluster,
        place,
        episode_number,
        onset_micros,
        sum(begins) OVER (
            PARTITION BY cluster ORDER BY onset_micros, place ROWS BETWEEN UNBOUNDED PRECEDING AND CURRENT ROW
        ) AS event_number
    FROM apart
)

SELECT
    numbered.cluster,
    CAST(joined.event_number AS BIGINT) AS event_number,
    joined.onset_micros,
    numbered.place,
    numbered.member,
    numbered.node,
    numbered.symptom,
    numbered.from_micros,
    numbered.job_id_raw,
    numbered.attempt
FROM numbered
INNER JOIN joined
    ON numbered.cluster = joined.cluster
    AND numbered.place = joined.place
    AND numbered.episode_number = joined.episode_number
