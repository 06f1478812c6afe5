sold AS (
    -- The purchases of the period with their amounts: cases that stand won and opened their deal. A process that follows on a deal
    -- (delivery after payment) sells nothing more.
    SELECT c.*, a.amount
    FROM cases AS c
    LEFT JOIN LATERAL (
        {known_amount}
    ) AS a (amount) ON true
    LEFT JOIN deal AS d ON d.tenant_id = $1 AND d.id = c.deal_id
    WHERE c.outcome = 'won' AND c.moved_at >= :since::timestamptz AND c.moved_at < :until::timestamptz
      AND (c.deal_id IS NULL OR d.instance_id = c.instance_id)
)
