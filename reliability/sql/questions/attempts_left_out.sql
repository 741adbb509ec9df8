-- one row: attempts that ran within the observation but say neither how they ended nor on how many nodes they ran.
SELECT
    count(*) FILTER (WHERE attempts.state = 'UNKNOWN') AS without_outcome,
    count(*) FILTER (WHERE attempts.state <> 'UNKNOWN' AND attempts.node_count IS NULL) AS without_nodes
FROM attempts
