-- grain: attempt that the infrastructure ended, in its group (parameters.group_by; empty: all).
-- inputs: attempt_exposed, attributions.
-- What `attempt_exposed` is the exposure of; an attempt cut at the border of two periods fails in the later one.
SELECT
    attempt_exposed.group_name,
    attempt_exposed.cluster,
    attempt_exposed.unit,
    attempt_exposed.to_micros AS at_micros
FROM attempt_exposed
INNER JOIN attributions
    ON attempt_exposed.cluster = attributions.cluster
    AND attempt_exposed.unit = attributions.job_id_raw
    AND attempt_exposed.attempt = attributions.attempt
WHERE attempt_exposed.ends_here AND attributions.is_infrastructure
