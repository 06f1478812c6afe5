-- key: average_check
-- title.en: Average check
-- title.ru: Средний чек
-- meaning.en: Revenue of the period (`revenue`) ÷ the purchases it was made in. Those without an amount are left out and said so.
-- meaning.ru: Выручка за период (`revenue`) ÷ число покупок, из которых она сложилась. Покупки без суммы не входят, и это показано.
-- kind: ratio
-- unit: money
-- better: higher
-- period: closed
-- dimensions: case, time
-- instant: c.moved_at
WITH
{closed_cases},
{cases},
{amount_fields},
{sold},
units AS (
    SELECT c.instance_id, n.number, n.amount, {segment} AS segment
    FROM sold AS c
    {last_step}
    CROSS JOIN LATERAL {averaged}
    WHERE n.number IS NOT NULL
)
