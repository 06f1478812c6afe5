-- Losses by stage left, reason, segment and the currency of the deals.
SELECT
    n.stage, n.reason, n.segment, n.currency,
    count(*) AS cases,
    count(*) FILTER (WHERE n.amount IS NOT NULL AND n.currency IS NOT NULL) AS priced,
    sum(n.amount) AS amount
FROM members AS n
GROUP BY n.stage, n.reason, n.segment, n.currency
