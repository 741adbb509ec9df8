-- grain: cluster and the time that its ledger covers (microseconds since 1970).
-- inputs: observation, fleet.
-- From the first to the last end in the log of jobs, as far as the states of the nodes are known too.
SELECT
    observation.cluster,
    greatest(min(observation.from_micros), min(fleet.from_micros)) AS from_micros,
    least(max(observation.to_micros), max(fleet.to_micros)) AS to_micros
FROM observation
INNER JOIN fleet ON observation.cluster = fleet.cluster
WHERE observation.table_name = 'jobs'
GROUP BY observation.cluster
HAVING greatest(min(observation.from_micros), min(fleet.from_micros)) < least(max(observation.to_micros), max(fleet.to_micros))
