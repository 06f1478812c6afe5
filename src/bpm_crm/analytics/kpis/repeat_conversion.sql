-- key: repeat_conversion
-- title.en: Conversion into a repeat purchase
-- title.ru: Конверсия в повторную покупку
-- meaning.en: Of the customers whose first purchase ever (`revenue` says what one is) fell into the period, the share who bought again
--   within 90 days, in whatever process. Those seen for less than 90 days by `asOf` are left out and said so. A customer is listed as
--   the case of the first purchase.
-- meaning.ru: Среди клиентов, чья самая первая покупка (что это — см. `revenue`) пришлась на период, доля купивших снова за 90 дней, в
--   любом процессе. Те, за кем к `asOf` наблюдали меньше 90 дней, не входят, и это показано. Клиент представлен процессом первой
--   покупки.
-- kind: share
-- unit: share
-- better: higher
-- period: closed
-- of: customers
-- dimensions: case, time
-- instant: c.bought_at
WITH
{buyers},
{purchases},
candidates AS (
    SELECT p.*
    FROM purchases AS p
    WHERE p.place = 1 AND p.bought_at >= :since::timestamptz AND p.bought_at < :until::timestamptz
),
{bought_cases},
units AS (
    SELECT
        c.instance_id, {segment} AS segment,
        CASE
            WHEN c.bought_at + :repeat_within::interval <= :as_of::timestamptz
            THEN coalesce(c.next_at <= c.bought_at + :repeat_within::interval, false)
        END AS is_met
    FROM cases AS c
    {winning_step}
)
