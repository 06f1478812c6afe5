-- key: churn
-- title.en: Churn
-- title.ru: Отток
-- meaning.en: Of the customers who bought (`revenue` says what a purchase is) in the period before, the share who did not in this one by
--   `asOf`, in whatever process. The period before is as many months or days long. Customers new in this one are not in it; while it
--   runs, those who have not bought yet count. A customer is listed as the case of the last purchase before.
-- meaning.ru: Среди клиентов, купивших (что такое покупка — см. `revenue`) за предыдущий период, доля не купивших за этот к `asOf`, в
--   любом процессе. Предыдущий период — столько же месяцев или дней. Новые в этом периоде не входят; пока он идёт, ещё не купившие
--   считаются. Клиент представлен процессом последней прежней покупки.
-- kind: share
-- unit: share
-- better: lower
-- period: closed
-- of: customers
-- dimensions: case
WITH
{buyers_before},
{purchases},
candidates AS (
    SELECT DISTINCT ON (p.customer_id) p.*
    FROM purchases AS p
    WHERE p.bought_at >= :before::timestamptz AND p.bought_at < :since::timestamptz AND :as_of::timestamptz >= :since::timestamptz
    ORDER BY p.customer_id, p.place DESC
),
{bought_cases},
units AS (
    SELECT c.instance_id, {segment} AS segment, c.next_at IS NULL OR c.next_at >= :until::timestamptz AS is_met
    FROM cases AS c
    {winning_step}
)
