, wanted AS (
    SELECT w.place, w.step, w.numbers, w.segment, w.after, w.most
    FROM jsonb_to_recordset(:wanted::jsonb)
        AS w (place int, step text, numbers text[], segment text[], after uuid, most int)
),
matching AS (
    SELECT w.place, w.after, w.most, m.instance_id
    FROM wanted AS w
    JOIN members AS m ON m.number = ANY (w.numbers) AND {matches} AND (w.segment IS NULL OR m.segment = w.segment)
),
totals AS (
    SELECT m.place, count(*) AS total FROM matching AS m GROUP BY m.place
),
ranked AS (
    SELECT m.place, m.instance_id, m.most, row_number() OVER (PARTITION BY m.place ORDER BY m.instance_id DESC) AS rank
    FROM matching AS m
    WHERE m.after IS NULL OR m.instance_id < m.after
)
-- The cases behind numbers of a figure: for each number wanted its total and one page of ids, newest first.
SELECT
    w.place,
    coalesce(t.total, 0) AS total,
    ARRAY(SELECT r.instance_id FROM ranked AS r WHERE r.place = w.place AND r.rank <= w.most ORDER BY r.rank) AS ids
FROM wanted AS w
LEFT JOIN totals AS t ON t.place = w.place
