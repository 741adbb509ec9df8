-- one row per attribute that an inventory of this component knows; `known` is null once if it knows none.
SELECT DISTINCT attribute AS known
FROM (
    SELECT unnest(CASE WHEN len(map_keys(attributes)) > 0 THEN map_keys(attributes) ELSE [NULL] END) AS attribute
    FROM components
    WHERE component = $component AND installed_utc IS NOT NULL
) AS attributes_of_stays
ORDER BY known
