-- key: revenue_per_customer
-- title.en: Revenue per customer to date
-- title.ru: Выручка на клиента к дате
-- meaning.en: Of the customers whose first purchase ever fell into the period: all money they have brought by `asOf` (`revenue`, in
--   whatever process) ÷ how many they are. What will still come is not in it. Those without any amount are left out and said so. A
--   customer is listed as the case of the first purchase.
-- meaning.ru: По клиентам, чья самая первая покупка пришлась на период: все деньги, принесённые ими к `asOf` (`revenue`, в любом
--   процессе) ÷ их число. Будущих денег здесь нет. Клиенты без единой суммы не входят, и это показано. Клиент представлен процессом
--   первой покупки.
-- kind: ratio
-- unit: money
-- better: higher
-- period: closed
-- of: customers
-- dimensions: case, time
-- instant: c.bought_at
WITH
{amount_fields},
{buyers},
{purchases},
paid AS (
    -- The purchases, each with all that its customer has brought.
    SELECT c.*, sum(a.amount) OVER (PARTITION BY c.customer_id) AS amount
    FROM purchases AS c
    CROSS JOIN LATERAL (
        SELECT CASE WHEN :is_current::bool AND c.deal_id IS NOT NULL THEN c.amount_now ELSE (
        {known_amount}
        ) END
    ) AS a (amount)
),
candidates AS (
    SELECT p.*
    FROM paid AS p
    WHERE p.place = 1 AND p.bought_at >= :since::timestamptz AND p.bought_at < :until::timestamptz
),
{bought_cases},
units AS (
    SELECT c.instance_id, n.number, n.amount, {segment} AS segment
    FROM cases AS c
    {winning_step}
    CROSS JOIN LATERAL {averaged}
    WHERE n.number IS NOT NULL
)
