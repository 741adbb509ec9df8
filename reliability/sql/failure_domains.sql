-- grain: cluster, kind of domain, domain and node in it (microseconds since 1970; NULL: since ever, or still).
-- inputs: nodes, fleet, links.
-- Who shares fate with whom, as far as inventory and wiring tell: rack and pod of `nodes`; power, cooling, row, room,
-- chassis, storage and NVLink cliques among its attributes; rack and chassis in node names that are places (Cray: cabinet
-- c3-0, chassis c3-0c1; Blue Gene/L: rack R02, midplane R02-M1); of `links` each switch or block with all nodes below it
-- (up to four tiers; kind: its tier), rails and planes. Domains with the same nodes are told each by its own name, and
-- those of one node are left out: what takes down a node (its host, its NVSwitch) is not shared. A node that left a domain
-- and came back counts as having stayed.
WITH attributes AS (
    SELECT
        cluster,
        node,
        unix_micros(from_utc) AS from_micros,
        unix_micros(to_utc) AS to_micros,
        explode(map_entries(attributes)) AS entry
    FROM nodes
),

-- The last part of a label's name says what it is: topology.example.com/power-feed.
labelled AS (
    SELECT
        cluster,
        node,
        from_micros,
        to_micros,
        regexp_replace(regexp_replace(lower(entry.key), '^.*[/.]', ''), '[-_ ]', '_') AS label,
        entry.value AS place
    FROM attributes
    WHERE entry.value IS NOT NULL AND entry.value <> ''
),

sorted AS (
    SELECT
        labelled.*,
        CASE
            WHEN label IN ('power', 'pdu', 'power_feed', 'power_domain', 'feed', 'ups', 'busway', 'breaker') THEN 'power'
            WHEN label IN ('cooling', 'cdu', 'crac', 'crah', 'cooling_loop', 'cooling_domain') THEN 'cooling'
            WHEN label IN ('rack', 'cabinet') THEN 'rack'
            WHEN label IN ('pod', 'superpod', 'scalable_unit') THEN 'pod'
            WHEN label IN ('row', 'aisle') THEN 'row'
            WHEN label IN ('room', 'hall', 'data_hall', 'building') THEN 'room'
            WHEN label IN ('chassis', 'enclosure') THEN 'chassis'
            WHEN label IN ('storage', 'storage_domain', 'filesystem') THEN 'storage'
            WHEN label IN ('clique', 'nvlink_domain') THEN 'nvswitch'
        END AS kind
    FROM labelled
),

named_after_places AS (
    SELECT DISTINCT
        cluster,
        node,
        regexp_extract(node, '^(c[0-9]+-[0-9]+)c[0-9]+s[0-9]+n[0-9]+$', 1) AS cray_cabinet,
        regexp_extract(node, '^(c[0-9]+-[0-9]+c[0-9]+)s[0-9]+n[0-9]+$', 1) AS cray_chassis,
        regexp_extract(node, '^(R[0-9A-F][0-9A-F])-M[01]-N', 1) AS blue_gene_rack,
        regexp_extract(node, '^(R[0-9A-F][0-9A-F]-M[01])-N', 1) AS blue_gene_midplane
    FROM fleet
),

wires AS (
    SELECT DISTINCT
        cluster,
        child,
        parent,
        coalesce(tier, 'switch') AS tier,
        rail,
        plane,
        unix_micros(from_utc) AS from_micros,
        unix_micros(to_utc) AS to_micros
    FROM links
),

-- A node is a lower end that nothing is below of.
first_tier AS (
    SELECT wires.*, wires.child AS node
    FROM wires
    LEFT JOIN (SELECT DISTINCT cluster, parent FROM wires) AS switches
        ON wires.cluster = switches.cluster AND wires.child = switches.parent
    WHERE switches.parent IS NULL
),

first_switches AS (SELECT DISTINCT cluster, tier, parent, node, from_micros, to_micros FROM first_tier),

trunks AS (SELECT DISTINCT cluster, child, parent, tier, from_micros, to_micros FROM wires),

second_switches AS (
    SELECT DISTINCT
        trunks.cluster,
        trunks.tier,
        trunks.parent,
        below.node,
        greatest(trunks.from_micros, below.from_micros) AS from_micros,
        least(trunks.to_micros, below.to_micros) AS to_micros
    FROM first_switches AS below
    INNER JOIN trunks
        ON below.cluster = trunks.cluster AND below.parent = trunks.child
),

third_switches AS (
    SELECT DISTINCT
        trunks.cluster,
        trunks.tier,
        trunks.parent,
        below.node,
        greatest(trunks.from_micros, below.from_micros) AS from_micros,
        least(trunks.to_micros, below.to_micros) AS to_micros
    FROM second_switches AS below
    INNER JOIN trunks
        ON below.cluster = trunks.cluster AND below.parent = trunks.child
),

fourth_switches AS (
    SELECT DISTINCT
        trunks.cluster,
        trunks.tier,
        trunks.parent,
        below.node,
        greatest(trunks.from_micros, below.from_micros) AS from_micros,
        least(trunks.to_micros, below.to_micros) AS to_micros
    FROM third_switches AS below
    INNER JOIN trunks
        ON below.cluster = trunks.cluster AND below.parent = trunks.child
),

told AS (
    SELECT cluster, 'rack' AS kind, rack AS domain, node, unix_micros(from_utc) AS from_micros, unix_micros(to_utc) AS to_micros
    FROM nodes
    UNION ALL
    SELECT cluster, 'pod' AS kind, pod AS domain, node, unix_micros(from_utc) AS from_micros, unix_micros(to_utc) AS to_micros
    FROM nodes
    UNION ALL
    -- Two labels of one kind may have the same values: feed 3 is not UPS 3.
    SELECT cluster, kind, CASE WHEN label = kind THEN place ELSE CONCAT(label, ' ', place) END AS domain, node, from_micros, to_micros
    FROM sorted
    WHERE kind IS NOT NULL
    UNION ALL
    SELECT cluster, 'rack' AS kind, cray_cabinet AS domain, node, CAST(NULL AS BIGINT) AS from_micros, CAST(NULL AS BIGINT) AS to_micros
    FROM named_after_places
    UNION ALL
    SELECT cluster, 'chassis' AS kind, cray_chassis AS domain, node, CAST(NULL AS BIGINT) AS from_micros, CAST(NULL AS BIGINT) AS to_micros
    FROM named_after_places
    UNION ALL
    SELECT cluster, 'rack' AS kind, blue_gene_rack AS domain, node, CAST(NULL AS BIGINT) AS from_micros, CAST(NULL AS BIGINT) AS to_micros
    FROM named_after_places
    UNION ALL
    SELECT
        cluster, 'chassis' AS kind, blue_gene_midplane AS domain, node, CAST(NULL AS BIGINT) AS from_micros, CAST(NULL AS BIGINT) AS to_micros
    FROM named_after_places
    UNION ALL
    SELECT cluster, 'rail' AS kind, CONCAT('rail ', CAST(rail AS STRING)) AS domain, node, from_micros, to_micros
    FROM first_tier
    WHERE rail IS NOT NULL
    UNION ALL
    SELECT cluster, 'plane' AS kind, CONCAT('plane ', CAST(plane AS STRING)) AS domain, node, from_micros, to_micros
    FROM first_tier
    WHERE plane IS NOT NULL
    UNION ALL
    SELECT cluster, tier AS kind, parent AS domain, node, from_micros, to_micros FROM first_switches
    UNION ALL
    SELECT cluster, tier AS kind, parent AS domain, node, from_micros, to_micros FROM second_switches
    UNION ALL
    SELECT cluster, tier AS kind, parent AS domain, node, from_micros, to_micros FROM third_switches
    UNION ALL
    SELECT cluster, tier AS kind, parent AS domain, node, from_micros, to_micros FROM fourth_switches
),

stays AS (
    SELECT
        cluster,
        kind,
        domain,
        node,
        CASE WHEN count(*) = count(from_micros) THEN min(from_micros) END AS from_micros,
        CASE WHEN count(*) = count(to_micros) THEN max(to_micros) END AS to_micros
    FROM told
    WHERE
        domain IS NOT NULL AND domain <> ''
        -- A node that had left a switch before that was plugged in elsewhere never was below the other.
        AND coalesce(from_micros < to_micros, TRUE)
    GROUP BY cluster, kind, domain, node
),

counted AS (
    SELECT stays.*, count(*) OVER (PARTITION BY cluster, kind, domain) AS nodes_in_domain
    FROM stays
)

SELECT cluster, kind, domain, node, from_micros, to_micros
FROM counted
WHERE nodes_in_domain > 1
