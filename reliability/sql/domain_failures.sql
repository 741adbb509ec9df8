-- grain: event and failure domain that two or more of its nodes share.
-- inputs: event_members, shared_incidents, failure_domains, fleet.
-- What befell several nodes at one time, held against what they share. That they share a rack says nothing by itself:
-- whether chance would do it is asked in models/domain_failures. nodes_failed: nodes of the event in this domain;
-- nodes_hurt: those of them with an outage or a failed attempt, not only a sign; event_nodes: nodes of the event anywhere;
-- nodes_in_domain: nodes of the domain at that time, nodes_in_service: those of them that are in the fleet.
WITH struck AS (
    SELECT
        event_members.cluster,
        event_members.event_number,
        event_members.node,
        unix_micros(shared_incidents.from_utc) AS at_micros,
        max(CASE WHEN event_members.member = 'sign' THEN 0 ELSE 1 END) AS hurt
    FROM event_members
    INNER JOIN shared_incidents
        ON event_members.cluster = shared_incidents.cluster AND event_members.event_number = shared_incidents.event_number
    WHERE shared_incidents.node_count > 1 AND event_members.node IS NOT NULL
    GROUP BY event_members.cluster, event_members.event_number, event_members.node, shared_incidents.from_utc
),

shared AS (
    SELECT
        struck.cluster,
        struck.event_number,
        struck.at_micros,
        failure_domains.kind,
        failure_domains.domain,
        count(*) AS nodes_failed,
        sum(struck.hurt) AS nodes_hurt
    FROM struck
    INNER JOIN failure_domains ON struck.cluster = failure_domains.cluster AND struck.node = failure_domains.node
    WHERE
        struck.at_micros >= coalesce(failure_domains.from_micros, struck.at_micros)
        AND struck.at_micros < coalesce(failure_domains.to_micros, struck.at_micros + 1)
    GROUP BY struck.cluster, struck.event_number, struck.at_micros, failure_domains.kind, failure_domains.domain
    HAVING count(*) > 1
),

of_domain AS (
    SELECT
        shared.cluster,
        shared.event_number,
        shared.kind,
        shared.domain,
        count(DISTINCT failure_domains.node) AS nodes_in_domain,
        count(DISTINCT fleet.node) AS nodes_in_service
    FROM shared
    INNER JOIN failure_domains
        ON shared.cluster = failure_domains.cluster
        AND shared.kind = failure_domains.kind
        AND shared.domain = failure_domains.domain
        AND shared.at_micros >= coalesce(failure_domains.from_micros, shared.at_micros)
        AND shared.at_micros < coalesce(failure_domains.to_micros, shared.at_micros + 1)
    LEFT JOIN fleet
        ON failure_domains.cluster = fleet.cluster
        AND failure_domains.node = fleet.node
        AND shared.at_micros >= fleet.from_micros
        AND shared.at_micros <= fleet.to_micros
    GROUP BY shared.cluster, shared.event_number, shared.kind, shared.domain
)

SELECT
    shared.cluster,
    shared.event_number,
    shared.kind,
    shared.domain,
    CAST(shared.nodes_failed AS BIGINT) AS nodes_failed,
    CAST(shared.nodes_hurt AS BIGINT) AS nodes_hurt,
    CAST(shared_incidents.node_count AS BIGINT) AS event_nodes,
    of_domain.nodes_in_domain,
    of_domain.nodes_in_service,
    shared_incidents.from_utc,
    shared_incidents.to_utc,
    shared_incidents.symptom
FROM shared
INNER JOIN of_domain
    ON shared.cluster = of_domain.cluster
    AND shared.event_number = of_domain.event_number
    AND shared.kind = of_domain.kind
    AND shared.domain = of_domain.domain
INNER JOIN shared_incidents
    ON shared.cluster = shared_incidents.cluster AND shared.event_number = shared_incidents.event_number
