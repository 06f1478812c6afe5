-- key: velocity
-- title.en: Sales velocity
-- title.ru: Скорость продаж
-- meaning.en: Money per day: open cases × win rate × average deal ÷ mean cycle in days, all of the cases begun in the period.
--   Win rate is won of won and lost; the average deal is over won cases with an amount; the cycle over those won
--   and lost. Null until one is won with an amount; those won without one are left out of it and said so.
-- meaning.ru: Деньги в день: открытые процессы × доля выигранных × средняя сделка ÷ средний цикл в днях, всё по процессам,
--   начатым за период. Доля — выигранные среди выигранных и проигранных; средняя сделка — по выигранным с суммой;
--   цикл — по выигранным и проигранным. Пусто, пока нет выигранных с суммой; выигранные без суммы в неё не входят, и это показано.
-- kind: velocity
-- unit: money_per_day
-- better: higher
-- period: begun
-- dimensions: case, time
-- instant: c.started_at
WITH
{begun_cases},
{cases},
{amount_fields},
units AS (
    SELECT
        c.instance_id, n.number, n.amount,
        CASE WHEN c.outcome IS NULL THEN {standing_segment} ELSE {segment} END AS segment
    FROM cases AS c
    LEFT JOIN LATERAL (
        {known_amount}
    ) AS a (amount) ON true
    {last_step}
    CROSS JOIN LATERAL (VALUES
        (CASE WHEN c.outcome IS NULL THEN 'open' END, 1),
        (CASE WHEN c.outcome IN ('won', 'lost') THEN 'closed' END, extract(epoch FROM c.moved_at - c.started_at) / 86400),
        (CASE WHEN c.outcome = 'won' THEN 'won' END, 1),
        (CASE WHEN c.outcome = 'won' THEN CASE WHEN a.amount IS NULL THEN 'left_out' ELSE 'priced' END END, a.amount)
    ) AS n (number, amount)
    WHERE n.number IS NOT NULL
)
