-- key: open_cases
-- title.en: Open cases
-- title.ru: Открытые процессы
-- meaning.en: Cases that are open at the end of the period, or at `asOf` if that is earlier, whenever they began. By owner
--   and team of then.
-- meaning.ru: Процессы, открытые на конец периода или на `asOf`, если он раньше, когда бы они ни начались. По ответственному
--   и команде на тот момент.
-- kind: count
-- unit: count
-- better: neither
-- period: at_end
-- dimensions: case, stage
-- instant: c.started_at
WITH
{open_cases},
{cases},
units AS (
    SELECT c.instance_id, {standing_segment} AS segment FROM cases AS c WHERE c.outcome IS NULL
)
