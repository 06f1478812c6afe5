ages (since) AS (
    -- The bands of the age of a stay in a stage.
    VALUES (interval '0'), (interval '1 day'), (interval '3 days'), (interval '7 days'), (interval '14 days'),
        (interval '30 days'), (interval '90 days')
),
past AS (
    -- The cases of each process that ended last, whoever may see them.
    SELECT DISTINCT d.id AS definition_id, e.instance_id
    FROM unnest(:definitions::uuid[]) AS d (id)
    CROSS JOIN LATERAL (
        SELECT h.instance_id
        FROM history AS h
        WHERE h.tenant_id = $1 AND h.definition_id = d.id AND h.outcome IS NOT NULL
          AND h.occurred_at <= :as_of::timestamptz AND h.recorded_at <= :known_at::timestamptz
        ORDER BY h.occurred_at DESC, h.instance_id
        LIMIT :most_settled::int
    ) AS e
    ORDER BY e.instance_id
),
stays AS (
    -- Their stays in stages that they left, with how they did. One look at the steps of a case tells all of it.
    SELECT p.definition_id, s.outcome, s.stage, s.lasted
    FROM past AS p
    CROSS JOIN LATERAL (
        SELECT
            m.to_stage AS stage, m.exclusion,
            first_value(m.outcome) OVER (ORDER BY m.sequence DESC) AS outcome,
            lag(m.occurred_at) OVER (ORDER BY m.sequence DESC) - m.occurred_at AS lasted
        FROM (
            SELECT
                h.sequence, h.to_stage, h.occurred_at, h.outcome,
                first_value(h.exclusion) OVER (ORDER BY h.sequence DESC) AS exclusion
            FROM history AS h
            WHERE h.tenant_id = $1 AND h.instance_id = p.instance_id AND h.recorded_at <= :known_at::timestamptz
        ) AS m
        WHERE m.to_stage IS NOT NULL AND m.occurred_at <= :as_of::timestamptz
    ) AS s
    WHERE s.exclusion IS NULL AND s.outcome IS NOT NULL
),
chances AS (
    -- Of the stays in a stage that reached an age: how many there were, and which share of them was won in the end.
    SELECT
        s.definition_id, s.stage, a.since, count(*) AS settled,
        (count(*) FILTER (WHERE s.outcome = 'won'))::numeric / count(*) AS chance
    FROM stays AS s
    JOIN ages AS a ON s.lasted >= a.since
    GROUP BY s.definition_id, s.stage, a.since
),
expected AS (
    -- The chance of each open case by its stage and age; null where too few went before it.
    SELECT c.*, CASE WHEN n.settled >= :fewest_settled::bigint THEN n.chance END AS chance
    FROM cases AS c
    LEFT JOIN chances AS n ON n.definition_id = c.definition_id AND n.stage = c.stage
        AND n.since = (SELECT max(a.since) FROM ages AS a WHERE a.since <= greatest(:as_of::timestamptz - c.moved_at, interval '0'))
    WHERE c.outcome IS NULL
)
