, variants AS (
    -- Each sequence of activities: how many cases went that way, and how long those that ended took.
    SELECT
        md5(t.activities::text) AS key, t.activities,
        count(*) AS cases, count(*) FILTER (WHERE t.is_ended) AS ended,
        avg(t.seconds) AS mean,
        percentile_cont(ARRAY[0.5, 0.9]) WITHIN GROUP (ORDER BY t.seconds::float8) AS seconds
    FROM traces AS t
    GROUP BY t.activities
),
ranked AS (
    SELECT
        v.*, ARRAY['variant', v.key]::text AS step,
        row_number() OVER frequency AS rank,
        sum(v.cases) OVER frequency AS cases_so_far
    FROM variants AS v
    WINDOW frequency AS (ORDER BY v.cases DESC, v.key)
)
-- The ways cases went, the most frequent first, after one place in that order.
SELECT
    v.*, n.variants, n.cases AS all_cases
FROM (SELECT count(*) AS variants, coalesce(sum(r.cases), 0)::bigint AS cases FROM ranked AS r) AS n
LEFT JOIN LATERAL (
    SELECT *
    FROM ranked AS r
    WHERE :after_cases::bigint IS NULL OR (r.cases, :after_key::text) < (:after_cases::bigint, r.key)
    ORDER BY r.rank
    LIMIT :most::int
) AS v ON true
ORDER BY v.rank
