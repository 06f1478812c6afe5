-- key: purchase_frequency
-- title.en: Purchase frequency
-- title.ru: Частота покупок
-- meaning.en: Purchases of the period (`revenue` says what one is), in whatever process ÷ the customers who made them. A customer counts,
--   with all of them, where the first one of the period was, and is listed as its case. Purchases of nobody known are not in it.
-- meaning.ru: Покупки за период (что это — см. `revenue`) в любом процессе ÷ сделавшие их клиенты. Клиент считается со всеми покупками
--   там, где была первая из них за период, и представлен её процессом. Покупки неизвестно чьи не входят.
-- kind: ratio
-- unit: number
-- better: higher
-- period: closed
-- of: customers
-- dimensions: case
WITH
{buyers},
{purchases},
candidates AS (
    SELECT DISTINCT ON (p.customer_id) p.*, count(*) OVER (PARTITION BY p.customer_id) AS times
    FROM purchases AS p
    WHERE p.bought_at >= :since::timestamptz AND p.bought_at < :until::timestamptz
    ORDER BY p.customer_id, p.place
),
{bought_cases},
units AS (
    SELECT c.instance_id, n.number, n.amount, {segment} AS segment
    FROM cases AS c
    {winning_step}
    CROSS JOIN LATERAL (VALUES ('numerator', c.times), ('denominator', 1)) AS n (number, amount)
)
