-- one row per event that took two or more nodes of one place (rack, chassis, power feed, pod, …) out: of the places that
-- an event touched the one with the most of its nodes, the smallest of equal ones. Signs alone take no node out; what a
-- switch takes is left to the fabric's wiring.
WITH places AS (
    SELECT
        cluster,
        event_number,
        kind,
        nodes_hurt,
        nodes_in_domain,
        row_number() OVER (
            PARTITION BY cluster, event_number
            ORDER BY nodes_hurt DESC, nodes_in_domain, kind, domain
        ) AS place
    FROM domain_failures
    WHERE nodes_hurt >= 2 AND kind IN ('rack', 'chassis', 'power', 'cooling', 'pod', 'row', 'room', 'storage')
)

SELECT cluster, event_number, kind, nodes_hurt, nodes_in_domain
FROM places
WHERE place = 1
ORDER BY cluster, event_number
