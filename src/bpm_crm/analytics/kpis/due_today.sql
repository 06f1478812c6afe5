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
WITH
{open_cases},
{cases},
{clocked_cases},
{cycles},
units AS (
    SELECT c.instance_id, {standing_segment} AS segment
    FROM cases AS c
    JOIN tenant AS t ON t.tenant_id = $1
    WHERE c.outcome IS NULL AND EXISTS (
        SELECT
        FROM cycles AS y
        WHERE y.instance_id = c.instance_id AND y.is_open AND y.state = 'running' AND y.due_at >= :as_of::timestamptz
          AND (y.due_at AT TIME ZONE t.zone)::date = (:as_of::timestamptz AT TIME ZONE t.zone)::date
    )
)
