-- key: cycle_time
-- title.en: Cycle time
-- title.ru: Длительность цикла
-- meaning.en: From the start of a case begun in the period to its end, won or lost. Open cases are censored at `asOf`.
--   Cancelled ones are left out.
-- meaning.ru: От начала процесса, начатого за период, до его завершения, успеха или проигрыша. Открытые цензурируются `asOf`.
--   Отменённые не входят.
-- kind: duration
-- unit: seconds
-- better: lower
-- period: begun
-- dimensions: case, time
-- instant: c.started_at
WITH
{begun_cases},
{cases},
units AS (
    SELECT
        c.instance_id, c.outcome IS NOT NULL AS is_seen, c.outcome IS NULL AS is_growing,
        CASE WHEN c.outcome IS NULL THEN {standing_segment} ELSE {segment} END AS segment,
        extract(epoch FROM CASE WHEN c.outcome IS NULL THEN :as_of::timestamptz ELSE c.moved_at END - c.started_at)::float8 AS seconds
    FROM cases AS c
    {last_step}
    WHERE c.outcome IS DISTINCT FROM 'cancelled'
)
