-- key: leads_per_sale
-- title.en: Leads per sale
-- title.ru: Обращений на одну продажу
-- meaning.en: Cases begun in the period for each case won in it. They are different cases, so it is a ratio of two flows. A
--   lead counts as its owner's of now, a sale as the owner's when it was won.
-- meaning.ru: Сколько процессов начато за период на один выигранный в нём. Это разные процессы, поэтому показатель —
--   отношение двух потоков. Обращение относится к нынешнему ответственному, продажа — к тому, кто отвечал в момент
--   успеха.
-- kind: ratio
-- unit: number
-- better: lower
-- period: happened
-- dimensions: case, time
-- instant: p.at
WITH
{moving_cases},
{cases},
units AS (
    SELECT
        c.instance_id, p.number, 1 AS amount,
        CASE WHEN p.number = 'numerator' THEN {standing_segment} ELSE {segment} END AS segment
    FROM cases AS c
    {last_step}
    CROSS JOIN LATERAL (
        VALUES ('numerator', c.started_at), ('denominator', CASE WHEN c.outcome = 'won' THEN c.moved_at END)
    ) AS p (number, at)
    WHERE p.at >= :since::timestamptz AND p.at < :until::timestamptz
)
