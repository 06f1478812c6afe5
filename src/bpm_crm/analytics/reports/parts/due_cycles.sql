due_cycles AS (
    -- The cycles due in the period, with their verdicts.
    SELECT
        y.instance_id, y.sequence, y.version, y.clock, y.is_open, y.worked, y.due_at,
        CASE
            WHEN y.state IN ('met', 'breached', 'cancelled') THEN y.state
            WHEN y.state = 'running' AND y.due_at < :as_of::timestamptz THEN 'breached'
            ELSE 'not_yet_due'
        END AS verdict
    FROM cycles AS y
    WHERE y.due_at >= :since::timestamptz AND y.due_at < :until::timestamptz
)
