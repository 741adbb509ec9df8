-- grain: group of units and distinct life (entry, exit, observed, cause); `lives` counts the units that share it.
-- inputs: lifetimes, parameters (component, group_by, where_attribute, where_value).
-- What a parametric fit needs: weights instead of one row per unit. The cause is the symptom of
-- what failed, null where the life is censored.
WITH grouped AS (
    SELECT
        CASE parameters.group_by
            WHEN '' THEN 'all'
            WHEN 'cluster' THEN lifetimes.cluster
            WHEN 'gpu_model' THEN coalesce(lifetimes.gpu_model, lifetimes.attributes['gpu_model'], 'unknown')
            WHEN 'rack' THEN coalesce(lifetimes.rack, lifetimes.attributes['rack'], 'unknown')
            WHEN 'pod' THEN coalesce(lifetimes.pod, lifetimes.attributes['pod'], 'unknown')
            ELSE coalesce(lifetimes.attributes[parameters.group_by], 'unknown')
        END AS group_name,
        lifetimes.entry_hours,
        lifetimes.exit_hours,
        lifetimes.observed,
        CASE WHEN lifetimes.observed THEN coalesce(lifetimes.symptom, 'other') END AS cause
    FROM lifetimes CROSS JOIN parameters
    WHERE
        lifetimes.component = parameters.component
        AND (
            parameters.where_attribute = ''
            OR lifetimes.attributes[parameters.where_attribute] = parameters.where_value
        )
)

SELECT group_name, entry_hours, exit_hours, observed, cause, count(*) AS lives
FROM grouped
GROUP BY group_name, entry_hours, exit_hours, observed, cause
