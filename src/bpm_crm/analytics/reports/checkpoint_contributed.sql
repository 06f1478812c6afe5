, contributed AS (
    -- What each case adds to a checkpoint: that it was reached or not, and after how long; not reached by an open case it goes on waiting.
    SELECT
        w.instance_id, w.started_at AS at, w.segment, w.step || ' ' || n.number AS number, n.amount, NULL::numeric AS money,
        n.slot, n.seconds, CASE WHEN NOT w.is_reached AND w.outcome IS NULL THEN 0 END AS axis, NULL::timestamptz AS valid_until
    FROM waits AS w
    CROSS JOIN LATERAL (VALUES
        (CASE WHEN w.is_reached THEN 'reached' ELSE 'unreached' END, 1::bigint, (w.step - 1) * 5 + CASE WHEN w.is_reached THEN 0 ELSE 1 END, w.seconds),
        (CASE WHEN w.is_reached THEN 'actions' END, w.visits, CASE WHEN w.worked IS NOT NULL THEN (w.step - 1) * 5 + 2 END, w.worked),
        (CASE WHEN w.is_reached THEN 'milliseconds' END, round(w.seconds * 1000)::bigint, NULL, NULL)
    ) AS n (number, amount, slot, seconds)
    WHERE n.number IS NOT NULL
    UNION ALL
    -- And what became of its clocks, by when they were due.
    SELECT
        j.instance_id, j.due_at, j.segment, j.step || ' ' || n.number, 1, NULL,
        CASE WHEN n.is_judged AND j.worked IS NOT NULL THEN (j.step - 1) * 5 + CASE WHEN j.is_open THEN 4 ELSE 3 END END,
        CASE WHEN n.is_judged THEN j.worked END, NULL, j.valid_until
    FROM judged AS j
    CROSS JOIN LATERAL (VALUES
        (j.verdict, j.verdict IN ('met', 'breached')),
        (CASE WHEN j.verdict = 'breached' AND j.is_open THEN 'overdue' END, false)
    ) AS n (number, is_judged)
    WHERE n.number IS NOT NULL
)
