-- key: due_today
-- title.en: Due today
-- title.ru: Срок сегодня
-- meaning.en: Open cases with at least one running clock that falls due later on the same day of the company's time zone, at
--   the end of the period or at `asOf` if that is earlier.
-- meaning.ru: Открытые процессы, где срок хотя бы одних идущих часов наступает позже в тот же день по часовому поясу
--   компании, на конец периода или на `asOf`, если он раньше.
-- kind: count
-- unit: count
-- better: neither
-- period: at_end
-- dimensions: case, stage
-- instant: y.due_at
WITH
{due_open_cases},
{cases},
{clocked_cases},
{cycles},
{due_cycles},
units AS (
    -- A case counts once a day, however many of its clocks fall due.
    SELECT DISTINCT ON (c.instance_id, (y.due_at AT TIME ZONE t.zone)::date) c.instance_id, {standing_segment} AS segment
    FROM cases AS c
    JOIN due_cycles AS y ON y.instance_id = c.instance_id
    JOIN tenant AS t ON t.tenant_id = $1
    WHERE c.outcome IS NULL AND y.is_open AND y.valid_until IS NOT NULL AND y.due_at < :day_ends::timestamptz
    ORDER BY c.instance_id, (y.due_at AT TIME ZONE t.zone)::date, y.due_at
)
