-- key: lead_to_key_stage
-- title.en: Conversion from lead to the key stage
-- title.ru: Конверсия из обращения в ключевой этап
-- meaning.en: Of the cases begun in the period, the share that ever entered the key stage of its process by `asOf`. Processes
--   without a key stage are left out.
-- meaning.ru: Среди процессов, начатых за период, доля дошедших до ключевого этапа к `asOf`. Процессы без ключевого этапа не
--   входят.
-- kind: share
-- unit: share
-- better: higher
-- period: begun
-- dimensions: case, time
-- instant: c.started_at
WITH
{key_stages},
{begun_cases},
{cases},
{key_stage_arrivals},
units AS (
    SELECT
        c.instance_id, h.instance_id IS NOT NULL AS is_met,
        CASE WHEN h.instance_id IS NULL THEN {standing_segment} ELSE {segment} END AS segment
    FROM cases AS c
    JOIN key_stages AS k ON k.definition_id = c.definition_id AND k.version = c.version
    LEFT JOIN key_stage_arrivals AS h ON h.instance_id = c.instance_id
)
