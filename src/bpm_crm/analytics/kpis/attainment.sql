-- key: attainment
-- title.en: Attainment of targets
-- title.ru: Соблюдение нормативов
-- meaning.en: Of the clock cycles due in the period, met ÷ (met + breached). Open and overdue counts as breached. Not yet due,
--   be they met or not, and cancelled ones are left out. A case counts once for each cycle.
-- meaning.ru: Среди циклов часов со сроком в периоде: выполненные ÷ (выполненные + нарушенные). Открытый просроченный —
--   нарушен. Срок которых не наступил (даже выполненные) и отменённые не входят. Процесс считается по разу за каждый цикл.
-- kind: share
-- unit: share
-- better: higher
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
        c.instance_id, y.verdict = 'met' AS is_met,
        CASE WHEN y.is_open THEN {standing_segment} ELSE {segment} END AS segment
    FROM cases AS c
    CROSS JOIN LATERAL {due_of_case}
    JOIN history AS h ON h.tenant_id = $1 AND h.instance_id = c.instance_id AND h.sequence = y.sequence
    WHERE y.verdict IN ('met', 'breached')
)
