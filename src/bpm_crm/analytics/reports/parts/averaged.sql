(VALUES
    (CASE WHEN c.amount IS NULL THEN 'left_out' ELSE 'numerator' END, c.amount),
    (CASE WHEN c.amount IS NOT NULL THEN 'denominator' END, 1)
) AS n (number, amount)
