-- one row per reason, the commonest twenty, with the place of the first.
SELECT
    reason,
    count(*) AS rejected_rows,
    min_by(path, CONCAT(path, lpad(CAST(line_number AS STRING), 20, '0'))) AS first_path,
    min_by(line_number, CONCAT(path, lpad(CAST(line_number AS STRING), 20, '0'))) AS first_line
FROM rejects
GROUP BY reason
ORDER BY rejected_rows DESC, reason
LIMIT 20
