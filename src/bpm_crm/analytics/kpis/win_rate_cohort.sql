-- key: win_rate_cohort
-- title.en: Win rate (of those begun in the period)
-- title.ru: Доля выигранных (из начатых за период)
-- meaning.en: Of the cases begun in the period, the share that stood won at `asOf`; open ones are in the denominator.
--   Cancelled cases were no leads and are left out.
-- meaning.ru: Среди процессов, начатых за период, доля успешных на `asOf`; открытые входят в знаменатель. Отменённые не были
--   обращениями и не входят.
-- kind: share
-- unit: share
-- better: higher
-- period: begun
-- dimensions: case, time
-- instant: c.started_at
WITH
{begun_cases},
{cases},
units AS (
    SELECT
        c.instance_id, c.outcome IS NOT DISTINCT FROM 'won' AS is_met,
        CASE WHEN c.outcome IS NOT DISTINCT FROM 'won' THEN {segment} ELSE {standing_segment} END AS segment
    FROM cases AS c
    {last_step}
    WHERE c.outcome IS DISTINCT FROM 'cancelled'
)
