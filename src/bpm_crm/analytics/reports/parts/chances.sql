ages AS (
    -- Where the bands of the age of a stay in a stage begin.
    SELECT ARRAY['0 days', '1 day', '3 days', '7 days', '14 days', '30 days', '90 days']::interval[] AS begins
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
ended AS (
    -- How many stays in a stage ended in a band, and how many of their cases were won in the end.
    SELECT
        s.definition_id, s.stage, width_bucket(s.lasted, a.begins) AS band, count(*) AS settled,
        count(*) FILTER (WHERE s.outcome = 'won') AS won
    FROM stays AS s
    CROSS JOIN ages AS a
    GROUP BY s.definition_id, s.stage, width_bucket(s.lasted, a.begins)
),
chances AS (
    -- Of the stays in a stage that reached a band: how many there were, and which share of them was won.
    SELECT e.definition_id, e.stage, b.band, sum(e.settled) AS settled, sum(e.won) / sum(e.settled) AS chance
    FROM ended AS e
    CROSS JOIN LATERAL generate_series(1, e.band) AS b (band)
    GROUP BY e.definition_id, e.stage, b.band
),
expected AS (
    -- The chance of each open case by its stage and age; null where too few went before it.
    SELECT c.*, CASE WHEN n.settled >= :fewest_settled::bigint THEN n.chance END AS chance
    FROM cases AS c
    CROSS JOIN ages AS a
    LEFT JOIN chances AS n ON n.definition_id = c.definition_id AND n.stage = c.stage
        AND n.band = width_bucket(greatest(:as_of::timestamptz - c.moved_at, interval '0'), a.begins)
    WHERE c.outcome IS NULL
)
