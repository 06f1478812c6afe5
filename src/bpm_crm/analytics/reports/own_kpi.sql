-- A KPI of a company's own: the cases for which its expressions held, each at the moment that puts it into the period.
WITH
chosen AS (
    SELECT o.instance_id, o.is_met, o.amount
    FROM unnest(:own_ids::uuid[], :own_met::boolean[], :own_amounts::numeric[]) AS o (instance_id, is_met, amount)
),
candidates AS (
    SELECT o.instance_id FROM chosen AS o
),
{cases},
{own_moments},
units AS (
    SELECT
        c.instance_id, o.is_met, o.amount, t.sequence IS NOT NULL AS is_seen,
        CASE WHEN o.amount IS NULL THEN 'left_out' ELSE 'numerator' END AS number,
        CASE WHEN h.instance_id IS NULL THEN {standing_segment} ELSE {segment} END AS segment,
        greatest(extract(epoch FROM
            coalesce(t.occurred_at, CASE WHEN c.outcome IS NULL THEN :as_of::timestamptz ELSE c.moved_at END) - p.at
        ), 0)::float8 AS seconds
    FROM cases AS c
    JOIN chosen AS o ON o.instance_id = c.instance_id
    JOIN own_moments AS p ON p.instance_id = c.instance_id
    LEFT JOIN LATERAL (
        SELECT s.sequence, s.occurred_at
        FROM history AS s
        WHERE s.tenant_id = $1 AND s.instance_id = c.instance_id AND :own_ends::text = ANY (s.checkpoints)
          AND (s.occurred_at, s.sequence) >= (p.at, coalesce(p.sequence, 0))
          AND s.occurred_at <= :as_of::timestamptz AND s.recorded_at <= :known_at::timestamptz
        ORDER BY s.occurred_at, s.sequence
        LIMIT 1
    ) AS t ON true
    LEFT JOIN history AS h
      ON h.tenant_id = $1 AND h.instance_id = c.instance_id
     AND h.sequence = CASE WHEN :own_ends::text IS NULL THEN p.sequence ELSE t.sequence END
    WHERE p.at >= :since::timestamptz AND p.at < :until::timestamptz
)
