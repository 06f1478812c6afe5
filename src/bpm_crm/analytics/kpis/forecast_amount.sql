-- key: forecast_amount
-- title.en: Expected revenue
-- title.ru: Ожидаемая выручка
-- meaning.en: The amounts of the deals of open cases, each times its chance to be won; chances are those of `forecast_sales`.
--   Cases without an amount, or with too little history, are left out and said so.
-- meaning.ru: Суммы сделок открытых процессов, каждая умножена на вероятность успеха; вероятности — как в `forecast_sales`.
--   Процессы без суммы или с малой историей не входят, и это показано.
-- kind: sum
-- unit: money
-- better: higher
-- period: at_end
-- dimensions: case, stage
WITH
{open_cases},
{cases},
{amount_fields},
{chances},
units AS (
    SELECT
        c.instance_id, CASE WHEN c.chance * a.amount IS NULL THEN 'left_out' ELSE 'numerator' END AS number,
        c.chance * a.amount AS amount, {standing_segment} AS segment
    FROM expected AS c
    LEFT JOIN LATERAL (
        {known_amount}
    ) AS a (amount) ON true
)
