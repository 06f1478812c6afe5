-- key: time_to_sale
-- title.en: Time from lead to sale
-- title.ru: Время от обращения до продажи
-- meaning.en: From the start of a case begun in the period to being won. Cases not won are censored at their end or at
--   `asOf`: the time it takes where nobody is lost on the way, longer than that of the won if the slow are lost.
-- meaning.ru: От начала процесса, начатого за период, до успеха. Не выигранные цензурируются концом процесса или `asOf`:
--   сколько это длится, если никто не уходит; больше, чем у выигранных, если медленные уходят.
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
        c.instance_id, c.outcome IS NOT DISTINCT FROM 'won' AS is_seen, c.outcome IS NULL AS is_growing,
        CASE WHEN c.outcome IS NOT DISTINCT FROM 'won' THEN {segment} ELSE {standing_segment} END AS segment,
        extract(epoch FROM CASE WHEN c.outcome IS NULL THEN :as_of::timestamptz ELSE c.moved_at END - c.started_at)::float8 AS seconds
    FROM cases AS c
    {last_step}
)
