UNION ALL
-- What is not due yet adds nothing, until it is.
SELECT y.instance_id, y.due_at, NULL, NULL, NULL, NULL, NULL, NULL, NULL, y.valid_until
FROM due_cycles AS y
WHERE y.valid_until IS NOT NULL
