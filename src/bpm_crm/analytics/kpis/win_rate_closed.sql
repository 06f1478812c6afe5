-- key: win_rate_closed
-- title.en: Win rate (of those closed in the period)
-- title.ru: Доля выигранных (из закрытых за период)
-- meaning.en: Of the cases whose last ending, won or lost, fell into the period, the share that was won, whenever they began. Cancelled cases
--   were no leads and are left out; a case that was re-opened and goes on is not closed.
-- meaning.ru: Среди процессов, последнее завершение которых (успех или проигрыш) пришлось на период, доля выигранных, когда бы они ни
--   начались. Отменённые не были обращениями и не входят; вновь открытый процесс не закрыт.
-- kind: share
-- unit: share
-- better: higher
-- period: closed
-- dimensions: case, time
-- instant: c.moved_at
WITH
{closed_cases},
{cases},
units AS (
    SELECT c.instance_id, {segment} AS segment, c.outcome = 'won' AS is_met
    FROM cases AS c
    {last_step}
    WHERE c.outcome IN ('won', 'lost') AND c.moved_at >= :since::timestamptz AND c.moved_at < :until::timestamptz
)
