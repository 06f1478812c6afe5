, cohort AS (
    SELECT DISTINCT e.instance_id, e.entered_at FROM entries AS e
),
contributed AS (
    -- What each case of a cohort adds to the numbers of each step, and how long the way from the step before took it.
    SELECT
        m.instance_id, c.entered_at AS at, m.segment, s.step || ' ' || m.number AS number, 1::numeric AS amount, true AS is_count,
        NULL::int AS slot, NULL::float8 AS seconds
    FROM members AS m
    JOIN steps AS s ON s.step BETWEEN m.step AND m.through
    JOIN cohort AS c ON c.instance_id = m.instance_id
    UNION ALL
    SELECT m.instance_id, c.entered_at, m.segment, m.step || ' visits', m.visits, true, NULL, NULL
    FROM members AS m
    JOIN cohort AS c ON c.instance_id = m.instance_id
    WHERE m.visits IS NOT NULL
    UNION ALL
    SELECT m.instance_id, c.entered_at, m.segment, NULL, NULL, NULL, m.step, m.seconds
    FROM members AS m
    JOIN cohort AS c ON c.instance_id = m.instance_id
    WHERE m.seconds IS NOT NULL
)
