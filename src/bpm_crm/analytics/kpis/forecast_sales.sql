-- key: forecast_sales
-- title.en: Expected sales
-- title.ru: Ожидаемые продажи
-- meaning.en: Of the cases open at the end of the period, or at `asOf` if that is earlier, how many will be won: the sum of
--   their chances. A chance is the share won in the end among earlier stays in the same stage of the same process
--   that reached the same age (bands from 0, 1, 3, 7, 14, 30, 90 days), of the 2,000 cases of the process that ended last. A
--   lost case counts nothing. With fewer than 30 such stays a case is left out and said so.
-- meaning.ru: Сколько из открытых на конец периода или на `asOf` процессов будет выиграно: сумма их вероятностей. Вероятность
--   — доля выигранных в итоге среди прежних пребываний на том же этапе того же процесса, достигших того же возраста
--   (границы 0, 1, 3, 7, 14, 30, 90 дней), по 2000 последних завершённых. Проигранный — ноль.
--   Если таких пребываний меньше 30, процесс не входит, и это показано.
-- kind: sum
-- unit: number
-- better: higher
-- period: at_end
-- dimensions: case, stage
WITH
{open_cases},
{cases},
{chances},
units AS (
    SELECT
        c.instance_id, CASE WHEN c.chance IS NULL THEN 'left_out' ELSE 'numerator' END AS number, c.chance AS amount,
        {standing_segment} AS segment
    FROM expected AS c
)
