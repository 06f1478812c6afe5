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
WITH
{open_cases},
{cases},
{clocked_cases},
{cycles},
units AS (
    SELECT c.instance_id, {standing_segment} AS segment
    FROM cases AS c
    WHERE c.outcome IS NULL AND EXISTS (
        SELECT
        FROM cycles AS y
        WHERE y.instance_id = c.instance_id AND y.is_open
          AND (y.state = 'breached' OR y.state = 'running' AND y.due_at < :as_of::timestamptz)
    )
)
