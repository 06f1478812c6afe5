, placed AS MATERIALIZED (
    -- The visits, each with the number of its stage in the sheet.
    SELECT s.*, (:numbers::jsonb ->> (s.definition_id || '/' || s.stage))::int AS number FROM stays AS s
),
contributed AS (
    -- What each case adds to the numbers of the stages it was in.
    SELECT
        m.instance_id, m.first_at AS at, m.segment, (:numbers::jsonb ->> m.place) || ' ' || m.number AS number,
        1::bigint AS amount, NULL::numeric AS money, NULL::int AS slot, NULL::float8 AS seconds, NULL::int AS axis, m.valid_until
    FROM members AS m
    UNION ALL
    -- And how long it was in them: an only visit (0); of several the first (1), the latest (2) and all together (3); each in calendar,
    -- business and active time. Of those that have ended also the sum. What goes on grows.
    SELECT
        s.instance_id, s.first_at, s.first_segment,
        CASE WHEN NOT v.is_open THEN s.number || ' ' || v.kind * 3 + t.unit END, round(t.seconds * 1000)::bigint, NULL,
        ((s.number - 1) * 12 + v.kind * 3 + t.unit) * 2 + v.is_open::int, t.seconds, CASE WHEN t.is_growing THEN t.axis END, NULL
    FROM placed AS s
    CROSS JOIN LATERAL (VALUES
        (CASE WHEN s.visits = 1 THEN 0 ELSE 1 END, s.place = 1, s.is_open, s.is_active, s.calendar, s.business, s.active),
        (2, s.visits > 1 AND s.place = s.visits, s.is_open, s.is_active, s.calendar, s.business, s.active),
        (3, s.visits > 1 AND s.place = 1, s.is_any_open, s.is_any_active, s.all_calendar, s.all_business, s.all_active)
    ) AS v (kind, is_counted, is_open, is_active, calendar, business, active)
    CROSS JOIN LATERAL (VALUES
        (0, v.calendar, v.is_open, 0), (1, v.business, v.is_open, s.version), (2, v.active, v.is_active, s.version)
    ) AS t (unit, seconds, is_growing, axis)
    WHERE v.is_counted AND t.seconds IS NOT NULL
)
