-- key: lead_to_sale
-- title.en: Conversion from lead to sale
-- title.ru: Конверсия из обращения в продажу
-- meaning.en: Of the cases begun in the period, the share that stood won at `asOf`. All cases count, the open and the
--   cancelled ones too. One that was lost, re-opened and won is won.
-- meaning.ru: Среди процессов, начатых за период, доля успешных на `asOf`. Считаются все, в том числе открытые и отменённые.
--   Проигранный, затем вновь открытый и выигранный — выигран.
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
)
