-- key: arrivals_per_hour
-- title.en: Arrivals per working hour
-- title.ru: Поступления в рабочий час
-- meaning.en: Cases begun in the period ÷ the working hours of their process in it, up to `asOf`; several processes add up.
--   Working hours are those of the calendar of the newest version. For a period without a beginning they are counted, without a value.
-- meaning.ru: Процессы, начатые за период ÷ рабочие часы их процесса в нём, до `asOf`; по нескольким процессам складывается.
--   Рабочие часы — по календарю новейшей версии. Для периода без начала они посчитаны, значения нет.
-- kind: rate
-- unit: per_hour
-- better: neither
-- period: begun
-- dimensions: case, stage
-- instant: c.started_at
WITH
{working_hours},
{begun_cases},
{cases},
units AS (
    SELECT
        c.instance_id, CASE WHEN w.hours = 0 THEN 'left_out' ELSE 'numerator' END AS number, w.hours AS amount,
        {standing_segment} AS segment
    FROM cases AS c
    LEFT JOIN working_hours AS w ON w.definition_id = c.definition_id
)
