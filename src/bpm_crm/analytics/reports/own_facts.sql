-- What expressions may know of each case that may fall into the period: its state at `as_of`, as known then.
WITH
{moving_cases},
{cases},
{own_moments},
visible AS (
    SELECT h.*
    FROM cases AS c
    JOIN own_moments AS p ON p.instance_id = c.instance_id
    JOIN history AS h ON h.tenant_id = $1 AND h.instance_id = c.instance_id
    WHERE p.at >= :since::timestamptz AND p.at < :until::timestamptz
      AND h.occurred_at <= :as_of::timestamptz AND h.recorded_at <= :known_at::timestamptz
),
folded AS (
    SELECT
        v.instance_id,
        array_agg(DISTINCT k.checkpoint) FILTER (WHERE k.checkpoint IS NOT NULL) AS reached
    FROM visible AS v
    LEFT JOIN LATERAL unnest(v.checkpoints) AS k (checkpoint) ON true
    GROUP BY v.instance_id
),
named AS (
    SELECT v.instance_id, jsonb_object_agg(d.key, d.value ORDER BY v.sequence) AS data
    FROM visible AS v
    CROSS JOIN LATERAL jsonb_each(v.data) AS d (key, value)
    GROUP BY v.instance_id
),
migrated AS (
    -- The last migration of a case, or undoing of one: it says what visits there had been.
    SELECT DISTINCT ON (v.instance_id) v.instance_id, v.sequence, v.migration
    FROM visible AS v
    WHERE v.migration IS NOT NULL
    ORDER BY v.instance_id, v.sequence DESC
),
visited AS (
    -- The visits since then.
    SELECT n.instance_id, jsonb_object_agg(n.stage, n.visits) AS visits
    FROM (
        SELECT v.instance_id, v.to_stage AS stage, count(*) AS visits
        FROM visible AS v
        LEFT JOIN migrated AS g ON g.instance_id = v.instance_id
        WHERE v.to_stage IS NOT NULL AND v.sequence > coalesce(g.sequence, 0)
        GROUP BY 1, 2
    ) AS n
    GROUP BY n.instance_id
),
acted AS (
    SELECT n.instance_id, jsonb_object_agg(n.kind, n.acts) AS activities
    FROM (
        SELECT v.instance_id, v.activity ->> 'kind' AS kind, count(*) AS acts FROM visible AS v WHERE v.activity IS NOT NULL GROUP BY 1, 2
    ) AS n
    GROUP BY n.instance_id
),
clocked AS (
    SELECT l.instance_id, jsonb_object_agg(l.clock, l.state) AS clocks
    FROM (
        -- What is overdue is breached, whether or not anybody has noted it yet.
        SELECT DISTINCT ON (v.instance_id, e.clock)
            v.instance_id, e.clock,
            CASE
                WHEN e.state = 'running' AND timestamptz 'epoch' + e.due * interval '1 microsecond' < :as_of::timestamptz THEN 'breached'
                ELSE e.state
            END AS state
        FROM visible AS v
        CROSS JOIN LATERAL ROWS FROM (
            jsonb_to_recordset(v.clocks) AS (clock text, at bigint, state text, due bigint)
        ) WITH ORDINALITY AS e (clock, at, state, due, position)
        WHERE timestamptz 'epoch' + e.at * interval '1 microsecond' <= :as_of::timestamptz
        ORDER BY v.instance_id, e.clock, v.sequence DESC, e.position DESC
    ) AS l
    GROUP BY l.instance_id
)
SELECT
    c.instance_id, c.stage, c.started_at, c.moved_at, c.region, c.outcome, h.reason, w.owner_id, ch.key AS channel,
    coalesce(f.reached, '{}') AS reached, coalesce(n.data, '{}') AS data, coalesce(x.visits, '{}') AS visits, g.migration,
    coalesce(a.activities, '{}') AS activities, coalesce(k.clocks, '{}') AS clocks
FROM folded AS f
JOIN cases AS c ON c.instance_id = f.instance_id
{last_step}
CROSS JOIN LATERAL (
    SELECT v.owner_id FROM visible AS v WHERE v.instance_id = c.instance_id ORDER BY v.sequence DESC LIMIT 1
) AS w
JOIN channel AS ch ON ch.tenant_id = $1 AND ch.id = c.channel_id
LEFT JOIN named AS n ON n.instance_id = c.instance_id
LEFT JOIN migrated AS g ON g.instance_id = c.instance_id
LEFT JOIN visited AS x ON x.instance_id = c.instance_id
LEFT JOIN acted AS a ON a.instance_id = c.instance_id
LEFT JOIN clocked AS k ON k.instance_id = c.instance_id
LIMIT :most::int
