-- key: overdue_cases
-- title.en: Overdue cases
-- title.ru: Просроченные процессы
-- meaning.en: Open cases with at least one open clock past its target, at the end of the period or at `asOf` if that is
--   earlier.
-- meaning.ru: Открытые процессы, где хотя бы одни незакрытые часы за нормативом, на конец периода или на `asOf`, если он
--   раньше.
-- kind: count
-- unit: count
-- better: lower
-- period: at_end
-- dimensions: case, stage
-- instant: c.started_at
WITH
{open_cases},
{cases},
{clocked_cases},
{cycles},
{due_cycles},
units AS (
    SELECT c.instance_id, {standing_segment} AS segment
    FROM cases AS c
    WHERE c.outcome IS NULL AND EXISTS (
        SELECT
        FROM due_cycles AS y
        WHERE y.instance_id = c.instance_id AND y.is_open AND y.verdict = 'breached'
    )
)
