-- key: completions_per_hour
-- title.en: Completions per working hour
-- title.ru: Завершения в рабочий час
-- meaning.en: Cases whose last ending (won, lost or cancelled) fell into the period ÷ the working hours of their process in
--   it, up to `asOf`; several processes add up. For a period without a beginning they are
--   counted, without a value.
-- meaning.ru: Процессы, последнее завершение которых (любое) пришлось на период ÷ рабочие часы их процесса в нём, до `asOf`;
--   по нескольким процессам складывается. Для периода без начала они посчитаны, значения нет.
-- kind: rate
-- unit: per_hour
-- better: higher
-- period: closed
-- dimensions: case, stage
-- instant: c.moved_at
WITH
{working_hours},
{closed_cases},
{cases},
units AS (
    SELECT
        c.instance_id, CASE WHEN w.hours = 0 THEN 'left_out' ELSE 'numerator' END AS number, w.hours AS amount,
        {segment} AS segment
    FROM cases AS c
    LEFT JOIN working_hours AS w ON w.definition_id = c.definition_id
    {last_step}
    WHERE c.outcome IS NOT NULL AND c.moved_at >= :since::timestamptz AND c.moved_at < :until::timestamptz
)
