-- key: breaches
-- title.en: Breaches
-- title.ru: Нарушения нормативов
-- meaning.en: The targets of clocks that were passed that fell into the period, by when they fell. One that a record which
--   came late made untrue does not count. A case counts once for each.
-- meaning.ru: Число нарушений норматива часами за период, по моменту наступления. Отозванные из-за поздней записи не
--   считаются. Процесс считается по разу за каждое событие.
-- kind: count
-- unit: count
-- better: lower
-- period: happened
-- dimensions: case, time, clock
-- instant: e.happened_at
-- clock: e.clock
WITH
{clocked_period},
{clock_events},
{cases},
units AS (
    SELECT c.instance_id, {segment} AS segment
    FROM cases AS c
    CROSS JOIN LATERAL {events_of_case}
    JOIN history AS h ON h.tenant_id = $1 AND h.instance_id = c.instance_id AND h.sequence = e.sequence
    WHERE e.event = 'breached'
)
