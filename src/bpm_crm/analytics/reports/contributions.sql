-- What each case adds, on one day and for one owner and team together. Money is text, so that it loses no digits.
SELECT
    c.instance_id, c.at, c.segment, min(c.valid_until) AS valid_until,
    array_agg(c.number) FILTER (WHERE c.number IS NOT NULL) AS numbers,
    array_agg(c.amount) FILTER (WHERE c.number IS NOT NULL) AS amounts,
    array_agg(c.money::text) FILTER (WHERE c.number IS NOT NULL) AS moneys,
    array_agg(c.slot) FILTER (WHERE c.slot IS NOT NULL) AS slots,
    array_agg(c.seconds) FILTER (WHERE c.slot IS NOT NULL) AS seconds,
    array_agg(c.axis) FILTER (WHERE c.slot IS NOT NULL) AS axes
FROM contributed AS c
GROUP BY c.instance_id, c.at, c.segment
