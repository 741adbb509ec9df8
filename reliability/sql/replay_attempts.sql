-- grain: attempt of `attempt_parts` whose units the ledger counts.
-- inputs: attempt_parts, attempt_losses, attempts, ledger_window, allocations, node_allocation, evidence, run_members, checkpoints.
-- What a replay needs to know of each attempt, whatever lever is pulled:
--   units: GPUs or nodes held (parameters.unit); where more was allocated than there is, the least share of it that the
--     ledger charged. An attempt only partly in the window of the ledger is left out.
--   is_whole: it neither began before the log nor ended after it. keeps_all: it ended well, or still runs.
--   lost_bucket: where the ledger puts its lost work. failed_run_id, root_…: the run whose infrastructure failure ended
--     it, and that attempt of it where a preemption by one that had come back ended this one.
--   seconds_to_detect: from the first sign of an infrastructure failure to the end.
--   stall_seconds, write_seconds: how long training stands still for a checkpoint, and how long until it is written: the
--     mean of its run, else of the cluster, else nothing; as `attempt_parts` assumes.
WITH first_signs AS (
    SELECT cluster, job_id_raw, attempt, -min(seconds_after_end) AS seconds_to_end
    FROM evidence
    GROUP BY cluster, job_id_raw, attempt
),

saves AS (
    SELECT
        cluster,
        job_id,
        sum(CASE WHEN coalesce(kind, 'blocking') = 'blocking' THEN duration_seconds END) AS stall_seconds,
        sum(CASE WHEN coalesce(kind, 'blocking') = 'blocking' AND duration_seconds IS NOT NULL THEN 1 ELSE 0 END) AS stalls,
        (max(unix_micros(started_utc) + 1e6 * coalesce(duration_seconds, 0e0)) - min(unix_micros(started_utc))) / 1e6 AS write_seconds
    FROM checkpoints
    WHERE action = 'saved'
    GROUP BY cluster, job_id, coalesce(step, -unix_micros(started_utc))
),

of_cluster AS (
    SELECT cluster, sum(stall_seconds) / sum(stalls) AS stall_seconds, avg(write_seconds) AS write_seconds
    FROM saves
    GROUP BY cluster
    HAVING sum(stalls) > 0
),

of_run AS (
    SELECT
        members.cluster,
        members.run_id,
        CASE WHEN sum(saves.stalls) > 0 THEN sum(saves.stall_seconds) / sum(saves.stalls) ELSE 0e0 END AS stall_seconds,
        avg(saves.write_seconds) AS write_seconds
    FROM (SELECT DISTINCT cluster, run_id, job_id_raw FROM run_members) AS members
    INNER JOIN saves ON members.cluster = saves.cluster AND members.job_id_raw = saves.job_id
    GROUP BY members.cluster, members.run_id
),

squeezed AS (
    SELECT cluster, node, squeezed_from_micros AS from_micros, squeezed_to_micros AS to_micros, share
    FROM node_allocation
    WHERE squeezed_from_micros IS NOT NULL
),

shares AS (
    SELECT allocations.cluster, allocations.job_id_raw, allocations.attempt, allocations.node, min(squeezed.share) AS share
    FROM allocations
    INNER JOIN squeezed ON allocations.cluster = squeezed.cluster AND allocations.node = squeezed.node
    WHERE allocations.from_micros < squeezed.to_micros AND allocations.to_micros > squeezed.from_micros
    GROUP BY allocations.cluster, allocations.job_id_raw, allocations.attempt, allocations.node
),

held AS (
    SELECT
        allocations.cluster,
        allocations.job_id_raw,
        allocations.attempt,
        sum(allocations.amount * coalesce(shares.share, 1e0)) / 1e6 AS units
    FROM allocations
    LEFT JOIN shares
        ON allocations.cluster = shares.cluster
        AND allocations.job_id_raw = shares.job_id_raw
        AND allocations.attempt = shares.attempt
        AND allocations.node = shares.node
    GROUP BY allocations.cluster, allocations.job_id_raw, allocations.attempt
)

SELECT
    parts.cluster,
    parts.job_id_raw,
    parts.attempt,
    parts.run_id,
    parts.from_micros,
    parts.to_micros,
    parts.run_seconds,
    parts.restart_seconds,
    parts.checkpoint_seconds,
    parts.lost_seconds,
    held.units,
    attempts.start_micros = parts.from_micros AND coalesce(attempts.end_micros, parts.to_micros) <= parts.to_micros AS is_whole,
    attempts.end_micros IS NULL OR parts.state IN ('COMPLETED', 'REQUEUED') AS keeps_all,
    losses.lost_bucket,
    losses.is_infrastructure,
    losses.cause,
    losses.failed_node,
    CASE WHEN losses.is_infrastructure THEN first_signs.seconds_to_end END AS seconds_to_detect,
    losses.root_job_id_raw,
    losses.root_attempt,
    coalesce(root.run_id, parts.run_id) AS failed_run_id,
    coalesce(of_run.stall_seconds, of_cluster.stall_seconds, 0e0) AS stall_seconds,
    coalesce(of_run.write_seconds, of_cluster.write_seconds, 0e0) AS write_seconds
FROM attempt_parts AS parts
INNER JOIN attempts
    ON parts.cluster = attempts.cluster AND parts.job_id_raw = attempts.job_id_raw AND parts.attempt = attempts.attempt
INNER JOIN ledger_window ON parts.cluster = ledger_window.cluster
INNER JOIN held ON parts.cluster = held.cluster AND parts.job_id_raw = held.job_id_raw AND parts.attempt = held.attempt
INNER JOIN attempt_losses AS losses
    ON parts.cluster = losses.cluster AND parts.job_id_raw = losses.job_id_raw AND parts.attempt = losses.attempt
LEFT JOIN first_signs
    ON parts.cluster = first_signs.cluster
    AND parts.job_id_raw = first_signs.job_id_raw
    AND parts.attempt = first_signs.attempt
LEFT JOIN run_members AS root
    ON losses.cluster = root.cluster AND losses.root_job_id_raw = root.job_id_raw AND losses.root_attempt = root.attempt
LEFT JOIN of_run ON parts.cluster = of_run.cluster AND parts.run_id = of_run.run_id
LEFT JOIN of_cluster ON parts.cluster = of_cluster.cluster
WHERE parts.from_micros >= ledger_window.from_micros AND parts.to_micros <= ledger_window.to_micros
