-- What each case adds, on one day and in one segment together: counts as numbers, other sums as texts, so that none loses digits.
SELECT
    c.instance_id, c.at, c.segment,
    jsonb_object_agg(c.number, CASE WHEN c.is_count THEN to_jsonb(c.amount) ELSE to_jsonb(c.amount::text) END)
        FILTER (WHERE c.number IS NOT NULL) AS numbers,
    array_agg(c.slot) FILTER (WHERE c.seconds IS NOT NULL) AS slots,
    array_agg(c.seconds) FILTER (WHERE c.seconds IS NOT NULL) AS seconds
FROM contributed AS c
GROUP BY c.instance_id, c.at, c.segment
