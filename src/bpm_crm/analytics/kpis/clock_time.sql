-- key: clock_time
-- title.en: Business time taken
-- title.ru: Затраченное рабочее время
-- meaning.en: Business time, pauses left out, that clock cycles due in the period took until they were stopped; those open
--   and overdue are censored at their target. Look at it by `CLOCK`.
-- meaning.ru: Рабочее время без пауз, которое заняли циклы часов со сроком в периоде до остановки; открытые просроченные
--   цензурируются нормативом. Смотрите в разрезе `CLOCK`.
-- kind: duration
-- unit: business_seconds
-- better: lower
-- period: due
-- dimensions: case, time, clock
-- instant: y.due_at
-- clock: y.clock
WITH
{clocked_due},
{cycles},
{due_cycles},
{due_candidates},
{cases},
units AS (
    SELECT
        c.instance_id, NOT y.is_open AS is_seen, false AS is_growing, y.worked AS seconds,
        CASE WHEN y.is_open THEN {standing_segment} ELSE {segment} END AS segment
    FROM cases AS c
    CROSS JOIN LATERAL {due_of_case}
    JOIN history AS h ON h.tenant_id = $1 AND h.instance_id = c.instance_id AND h.sequence = y.sequence
    WHERE y.verdict IN ('met', 'breached') AND y.worked IS NOT NULL
)
