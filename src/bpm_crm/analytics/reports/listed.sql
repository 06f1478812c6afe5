, wanted AS (
    SELECT w.place, w.step, w.numbers, w.segment, w.after, w.after_unit, w.most
    FROM jsonb_to_recordset(:wanted::jsonb)
        AS w (place int, step text, numbers text[], segment text[], after uuid, after_unit bigint, most int)
),
matching AS (
    -- A case that counts more than once is listed as often: its units are numbered.
    SELECT
        w.place, w.after, w.after_unit, w.most, m.instance_id,
        row_number() OVER (PARTITION BY w.place, m.instance_id) AS unit
    FROM wanted AS w
    JOIN members AS m ON m.number = ANY (w.numbers) AND {matches} AND (w.segment IS NULL OR m.segment = w.segment)
),
totals AS (
    SELECT m.place, count(*) AS total FROM matching AS m GROUP BY m.place
),
ranked AS (
    SELECT
        m.place, m.instance_id, m.unit, m.most,
        row_number() OVER (PARTITION BY m.place ORDER BY m.instance_id DESC, m.unit) AS rank
    FROM matching AS m
    WHERE m.after IS NULL OR m.instance_id < m.after OR m.instance_id = m.after AND m.unit > m.after_unit
)
-- The cases behind numbers of a figure: for each number wanted its total and one page of ids, newest first.
SELECT
    w.place,
    coalesce(t.total, 0) AS total,
    ARRAY(SELECT r.instance_id FROM ranked AS r WHERE r.place = w.place AND r.rank <= w.most ORDER BY r.rank) AS ids,
    ARRAY(SELECT r.unit FROM ranked AS r WHERE r.place = w.place AND r.rank <= w.most ORDER BY r.rank) AS units
FROM wanted AS w
LEFT JOIN totals AS t ON t.place = w.place
