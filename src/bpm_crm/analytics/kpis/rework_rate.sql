-- key: rework_rate
-- title.en: Rework rate
-- title.ru: Доля с возвратами
-- meaning.en: Of the cases begun in the period, the share that entered some stage more than once by `asOf`.
-- meaning.ru: Среди процессов, начатых за период, доля тех, что входили в какой-нибудь этап больше одного раза к `asOf`.
-- kind: share
-- unit: share
-- better: lower
-- period: begun
-- dimensions: case, time
-- instant: c.started_at
WITH
{begun_cases},
{cases},
units AS (
    SELECT
        c.instance_id, {standing_segment} AS segment,
        EXISTS (
            SELECT
            FROM history AS h
            WHERE h.tenant_id = $1 AND h.instance_id = c.instance_id AND h.to_stage IS NOT NULL
              AND h.kind NOT IN ('migration', 'migration_undone')
              AND h.occurred_at <= :as_of::timestamptz AND h.recorded_at <= :known_at::timestamptz
            GROUP BY h.to_stage
            HAVING count(*) > 1
        ) AS is_met
    FROM cases AS c
)
