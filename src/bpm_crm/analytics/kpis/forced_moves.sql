-- key: forced_moves
-- title.en: Forced moves
-- title.ru: Принудительные перемещения
-- meaning.en: Of all moves made in the period, the share that was forced, past the rules of the process. The start of a case is no move.
-- meaning.ru: Среди всех перемещений за период доля принудительных, в обход правил процесса. Начало процесса перемещением не считается.
-- kind: share
-- unit: share
-- better: lower
-- period: happened
-- dimensions: case, time
-- instant: h.occurred_at
WITH
{moving_cases},
{cases},
units AS (
    SELECT c.instance_id, {segment} AS segment, h.kind = 'forced' AS is_met
    FROM cases AS c
    JOIN history AS h ON h.tenant_id = $1 AND h.instance_id = c.instance_id
    WHERE h.to_stage IS NOT NULL AND h.from_stage IS NOT NULL AND h.kind NOT IN ('migration', 'migration_undone')
      AND h.occurred_at >= :since::timestamptz AND h.occurred_at < :until::timestamptz
      AND h.occurred_at <= :as_of::timestamptz AND h.recorded_at <= :known_at::timestamptz
)
