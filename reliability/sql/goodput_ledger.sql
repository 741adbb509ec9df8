-- grain: cluster, UTC day, job size, user, partition, cause and bucket.
-- inputs: attempt_parts, attempt_losses, allocations, node_allocation, ledger_window, parameters.
-- Where every unit-second of capacity went (parameters.unit: GPUs or nodes); the buckets of a day add up to that day's
-- capacity. An attempt is charged what it held of its nodes; in time order it is restart, kept work with its checkpoint
-- writes spread evenly, lost work (whose bucket `attempt_losses` tells); cut at midnight UTC. Only lost buckets carry a
-- cause, and what nobody held has neither size, user nor partition.
WITH ended AS (
    SELECT
        attempt_parts.cluster,
        attempt_parts.job_id_raw,
        attempt_parts.attempt,
        attempt_parts.user,
        attempt_parts.partition,
        CASE WHEN parameters.unit = 'node' THEN attempt_parts.node_count ELSE attempt_parts.gpu_count END AS size,
        greatest(attempt_parts.from_micros, ledger_window.from_micros) AS from_micros,
        attempt_parts.from_micros
        + CAST(floor(attempt_parts.restart_seconds * 1e6 + 0.5e0) AS BIGINT) AS restarted_micros,
        attempt_parts.to_micros - CAST(floor(attempt_parts.lost_seconds * 1e6 + 0.5e0) AS BIGINT) AS lost_micros,
        least(attempt_parts.to_micros, ledger_window.to_micros) AS to_micros,
        CASE
            WHEN attempt_parts.checkpoint_seconds > 0
                THEN attempt_parts.checkpoint_seconds / (attempt_parts.productive_seconds + attempt_parts.checkpoint_seconds)
            ELSE 0e0
        END AS writing,
        attempt_losses.lost_bucket,
        attempt_losses.cause
    FROM attempt_parts
    INNER JOIN ledger_window ON attempt_parts.cluster = ledger_window.cluster
    CROSS JOIN parameters
    INNER JOIN attempt_losses
        ON attempt_parts.cluster = attempt_losses.cluster
        AND attempt_parts.job_id_raw = attempt_losses.job_id_raw
        AND attempt_parts.attempt = attempt_losses.attempt
    WHERE attempt_parts.to_micros > ledger_window.from_micros AND attempt_parts.from_micros < ledger_window.to_micros
),

by_day AS (
    SELECT
        *,
        explode(
            sequence(CAST(floor(from_micros / 8.64e10) AS BIGINT), CAST(floor((to_micros - 1) / 8.64e10) AS BIGINT))
        ) AS day_number
    FROM ended
    WHERE from_micros < to_micros
),

cut AS (
    SELECT
        cluster,
        job_id_raw,
        attempt,
        by_day.user,
        partition,
        size,
        writing,
        lost_bucket,
        cause,
        day_number,
        greatest(from_micros, day_number * 86400000000) AS from_micros,
        least(greatest(restarted_micros, from_micros, day_number * 86400000000), to_micros, (day_number + 1) * 86400000000) AS restarted_micros,
        least(greatest(lost_micros, from_micros, day_number * 86400000000), to_micros, (day_number + 1) * 86400000000) AS lost_micros,
        least(to_micros, (day_number + 1) * 86400000000) AS to_micros
    FROM by_day
),

held AS (
    SELECT cluster, job_id_raw, attempt, sum(amount) / 1e12 AS amount
    FROM allocations
    GROUP BY cluster, job_id_raw, attempt
),

-- A stretch outside the fleet may last several days.
squeezed AS (
    SELECT
        cluster,
        node,
        explode(
            sequence(day_number, CAST(floor((squeezed_to_micros - 1) / 8.64e10) AS BIGINT))
        ) AS day_number,
        squeezed_from_micros AS from_micros,
        squeezed_to_micros AS to_micros,
        1e0 - share AS missing
    FROM node_allocation
    WHERE squeezed_from_micros IS NOT NULL
),

on_squeezed AS (
    SELECT allocations.cluster, allocations.job_id_raw, allocations.attempt, allocations.node, allocations.amount / 1e12 AS amount
    FROM allocations
    INNER JOIN (SELECT DISTINCT cluster, node FROM squeezed) AS nodes
        ON allocations.cluster = nodes.cluster AND allocations.node = nodes.node
),

-- What was allocated beyond capacity is charged to nobody.
missed AS (
    SELECT
        cut.cluster,
        cut.job_id_raw,
        cut.attempt,
        cut.day_number,
        sum(
            amount * missing * greatest(0, least(cut.restarted_micros, squeezed.to_micros) - greatest(cut.from_micros, squeezed.from_micros))
        ) AS restart,
        sum(
            amount * missing * greatest(0, least(cut.lost_micros, squeezed.to_micros) - greatest(cut.restarted_micros, squeezed.from_micros))
        ) AS kept,
        sum(
            amount * missing * greatest(0, least(cut.to_micros, squeezed.to_micros) - greatest(cut.lost_micros, squeezed.from_micros))
        ) AS lost
    FROM on_squeezed
    INNER JOIN squeezed ON on_squeezed.cluster = squeezed.cluster AND on_squeezed.node = squeezed.node
    INNER JOIN cut
        ON on_squeezed.cluster = cut.cluster
        AND on_squeezed.job_id_raw = cut.job_id_raw
        AND on_squeezed.attempt = cut.attempt
        AND squeezed.day_number = cut.day_number
    GROUP BY cut.cluster, cut.job_id_raw, cut.attempt, cut.day_number
),

charged AS (
    SELECT
        cut.cluster,
        cut.day_number,
        cut.size,
        cut.user,
        cut.partition,
        cut.lost_bucket,
        cut.cause,
        cut.writing,
        held.amount * (cut.restarted_micros - cut.from_micros) - coalesce(missed.restart, 0e0) AS restart,
        held.amount * (cut.lost_micros - cut.restarted_micros) - coalesce(missed.kept, 0e0) AS kept,
        held.amount * (cut.to_micros - cut.lost_micros) - coalesce(missed.lost, 0e0) AS lost
    FROM cut
    INNER JOIN held
        ON cut.cluster = held.cluster AND cut.job_id_raw = held.job_id_raw AND cut.attempt = held.attempt
    LEFT JOIN missed
        ON cut.cluster = missed.cluster
        AND cut.job_id_raw = missed.job_id_raw
        AND cut.attempt = missed.attempt
        AND cut.day_number = missed.day_number
),

summed AS (
    SELECT
        cluster,
        day_number,
        size,
        charged.user,
        partition,
        lost_bucket,
        cause,
        sum(kept * (1e0 - writing)) AS productive,
        sum(kept * writing) AS checkpoint_write,
        sum(restart) AS restart,
        sum(lost) AS lost
    FROM charged
    GROUP BY cluster, day_number, size, charged.user, partition, lost_bucket, cause
),

spread AS (
    SELECT
        summed.cluster,
        summed.day_number,
        CASE
            WHEN summed.size IS NULL THEN 'unknown'
            WHEN summed.size <= 2 THEN CAST(summed.size AS STRING)
            ELSE CONCAT(
                CAST(CAST(power(2e0, ceil(log2(CAST(summed.size AS DOUBLE))) - 1) AS INT) + 1 AS STRING),
                '-',
                CAST(CAST(power(2e0, ceil(log2(CAST(summed.size AS DOUBLE)))) AS INT) AS STRING)
            )
        END AS job_size,
        coalesce(summed.user, 'unknown') AS user,
        coalesce(summed.partition, 'unknown') AS partition,
        CASE WHEN kinds.kind = 'lost' THEN summed.cause END AS cause,
        CASE WHEN kinds.kind = 'lost' THEN summed.lost_bucket ELSE kinds.kind END AS bucket,
        greatest(
            0e0,
            CASE kinds.kind
                WHEN 'productive' THEN summed.productive
                WHEN 'checkpoint_write' THEN summed.checkpoint_write
                WHEN 'restart' THEN summed.restart
                ELSE summed.lost
            END
        ) AS seconds
    FROM summed
    CROSS JOIN (VALUES ('productive'), ('checkpoint_write'), ('restart'), ('lost')) AS kinds (kind)
    UNION ALL
    SELECT
        cluster,
        day_number,
        CAST(NULL AS STRING) AS job_size,
        CAST(NULL AS STRING) AS user,
        CAST(NULL AS STRING) AS partition,
        CAST(NULL AS STRING) AS cause,
        bucket,
        unallocated_seconds AS seconds
    FROM node_allocation
)

SELECT
    cluster,
    date_from_unix_date(day_number) AS day,
    job_size,
    spread.user,
    partition,
    cause,
    bucket,
    sum(seconds) AS seconds
FROM spread
WHERE seconds > 0
GROUP BY cluster, day_number, job_size, spread.user, partition, cause, bucket
