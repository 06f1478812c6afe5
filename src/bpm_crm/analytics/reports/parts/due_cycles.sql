due_cycles AS (
    -- The cycles due in the period, with their verdicts, and until when these hold if nothing happens. What was met early counts when
    -- it is due, as all that begins with it does: else the quick ones would be seen before the late.
    SELECT
        y.instance_id, y.sequence, y.definition_id, y.version, y.clock, y.is_open, y.worked, y.due_at,
        CASE
            WHEN y.state IN ('breached', 'cancelled') OR (y.state = 'met' AND y.due_at <= :as_of::timestamptz) THEN y.state
            WHEN y.state = 'running' AND y.due_at < :as_of::timestamptz THEN 'breached'
            ELSE 'not_yet_due'
        END AS verdict,
        CASE WHEN y.state IN ('met', 'running') AND y.due_at >= :as_of::timestamptz THEN y.due_at END AS valid_until
    FROM cycles AS y
    WHERE y.due_at >= :since::timestamptz AND y.due_at < :until::timestamptz
)
