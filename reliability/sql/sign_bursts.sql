-- grain: burst of one kind of sign on one node that began in the window asked for: no gap longer than parameters.incident_gap_seconds.
-- inputs: node_signs, parameters.
-- As `incidents`, of signs alone, once by symptom (named_by = 'symptom': pcie) and once by code (named_by = 'code':
-- xid:79), so that 800,000 lines about one fault are one burst of either. coded_count: lines with an Xid or what a BMC
-- logs, which name a burst more exactly than its symptom does.
WITH signs AS (
    SELECT node_signs.*, CASE WHEN code LIKE 'xid:%' OR code LIKE 'ipmi:%' THEN 1 ELSE 0 END AS coded
    FROM node_signs
),

named AS (
    SELECT cluster, node, at_micros, is_application, 'symptom' AS named_by, symptom AS kind, coded, message
    FROM signs
    UNION ALL
    SELECT cluster, node, at_micros, is_application, 'code' AS named_by, code AS kind, coded, message
    FROM signs
    WHERE found_in = 'events' AND code IS NOT NULL
),

stepped AS (
    SELECT
        named.*,
        CASE
            WHEN
                at_micros - lag(at_micros) OVER (PARTITION BY cluster, node, named_by, kind, is_application ORDER BY at_micros)
                <= parameters.incident_gap_seconds * 1000000
                THEN 0
            ELSE 1
        END AS begins
    FROM named CROSS JOIN parameters
),

numbered AS (
    SELECT
        *,
        sum(begins) OVER (
            PARTITION BY cluster, node, named_by, kind, is_application
            ORDER BY at_micros ROWS BETWEEN UNBOUNDED PRECEDING AND CURRENT ROW
        ) AS burst_number
    FROM stepped
),

bursts AS (
    SELECT
        cluster,
        node,
        named_by,
        kind,
        is_application,
        burst_number,
        min(at_micros) AS from_micros,
        max(at_micros) AS to_micros,
        count(*) AS line_count,
        sum(coded) AS coded_count,
        min_by(message, at_micros) AS message
    FROM numbered
    GROUP BY cluster, node, named_by, kind, is_application, burst_number
)

SELECT
    bursts.cluster,
    bursts.node,
    bursts.named_by,
    bursts.kind,
    bursts.is_application,
    CAST(bursts.burst_number AS BIGINT) AS burst_number,
    bursts.from_micros,
    bursts.to_micros,
    bursts.line_count,
    CAST(bursts.coded_count AS BIGINT) AS coded_count,
    bursts.message
FROM bursts CROSS JOIN parameters
WHERE
    bursts.from_micros >= coalesce(parameters.window_from_micros, bursts.from_micros)
    AND bursts.from_micros < coalesce(parameters.window_to_micros, bursts.from_micros + 1)
