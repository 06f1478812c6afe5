CROSS JOIN LATERAL (
    {last_known}
) AS k
CROSS JOIN LATERAL (
    {last_move}
) AS m
