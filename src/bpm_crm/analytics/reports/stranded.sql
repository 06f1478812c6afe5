-- Stranded: where cases stood that had reached no step of the funnel at all; a funnel would pass over them in silence.
WITH
{begun_cases},
{cases},
members AS (
    SELECT c.definition_id || '/' || c.stage AS step, '{}'::text[] AS segment, 'standing' AS number, c.instance_id,
        c.definition_id, c.stage
    FROM cases AS c
    WHERE NOT EXISTS (
        SELECT FROM history AS h
        WHERE h.tenant_id = $1 AND h.instance_id = c.instance_id AND h.checkpoints && :checkpoints::text[]
          AND h.occurred_at <= :as_of::timestamptz AND h.recorded_at <= :known_at::timestamptz
    )
)
