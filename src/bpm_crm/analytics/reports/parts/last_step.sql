CROSS JOIN LATERAL (SELECT c.instance_id AS id) AS i
CROSS JOIN LATERAL (
    -- The step that brought the case where it stood.
    {last_move}
) AS h
