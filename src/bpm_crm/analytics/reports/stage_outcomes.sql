-- Stage outcomes: of the cases that entered each step in the period, to which step each went next, or how it stands.
WITH
{steps},
{unmapped},
{touching_cases},
{cases},
{units},
{touches},
walks AS (
    -- The touches of each case in the order of happening; `stay` numbers its runs of touches of one step.
    SELECT t.*, count(*) FILTER (WHERE t.step IS DISTINCT FROM t.last_step) OVER walk AS stay
    FROM (
        SELECT t.*, lag(t.step) OVER (PARTITION BY t.unit_id ORDER BY t.occurred_at, t.sequence, t.step) AS last_step
        FROM touches AS t
    ) AS t
    WINDOW walk AS (PARTITION BY t.unit_id ORDER BY t.occurred_at, t.sequence, t.step)
),
stays AS (
    SELECT w.unit_id, w.stay, lead(min(w.step)) OVER (PARTITION BY w.unit_id ORDER BY w.stay) AS next_step
    FROM walks AS w
    GROUP BY w.unit_id, w.stay
),
entries AS (
    -- The first entry of each case into each step in the period.
    SELECT DISTINCT ON (w.unit_id, w.step) w.*, s.next_step, count(*) OVER (PARTITION BY w.unit_id, w.step) AS entrances
    FROM walks AS w
    JOIN stays AS s ON s.unit_id = w.unit_id AND s.stay = w.stay
    WHERE w.occurred_at >= :since::timestamptz AND w.occurred_at < :until::timestamptz
    ORDER BY w.unit_id, w.step, w.occurred_at, w.sequence
),
members AS (
    -- Each number as the cases it counts, at the steps from `step` to `through`. A step that the version of a case lacks is not skipped.
    SELECT e.step, e.step AS through, e.segment, n.number, e.instance_id, e.entrances AS visits
    FROM entries AS e
    CROSS JOIN LATERAL (VALUES
        ('entered'),
        (CASE
            WHEN e.next_step < e.step THEN 'back'
            WHEN e.next_step - e.step - 1 > (
                SELECT count(*)
                FROM unmapped AS u
                WHERE u.definition_id = e.definition_id AND u.version = e.version
                  AND u.step > e.step AND u.step < e.next_step
            ) THEN 'skipped'
            WHEN e.next_step IS NOT NULL THEN 'next'
            WHEN e.outcome IN ('lost', 'cancelled') THEN 'lost'
            WHEN e.outcome IS NULL THEN 'open'
            ELSE 'won'
        END),
        (CASE WHEN e.next_step IS NULL AND e.outcome = 'cancelled' THEN 'cancelled' END),
        (CASE WHEN e.entrances > 1 THEN 'reworked' END)
    ) AS n (number)
    WHERE n.number IS NOT NULL
)
