-- one row per kind of component that an inventory lists.
SELECT DISTINCT component FROM components ORDER BY component
