units AS (
    -- What is counted once: a customer, with all counted cases together; a case without a customer stands for itself.
    -- Open while one of them is open, else won if one was won.
    SELECT
        c.instance_id, c.definition_id, c.version, c.owner_id, c.team_id, c.channel_id, c.campaign_id, c.region,
        coalesce(c.customer_id, c.instance_id) AS unit_id,
        min(c.started_at) OVER unit AS started_at,
        max(c.moved_at) OVER unit AS moved_at,
        CASE
            WHEN bool_or(c.outcome IS NULL) OVER unit THEN NULL
            WHEN bool_or(c.outcome = 'won') OVER unit THEN 'won'
            WHEN bool_or(c.outcome = 'lost') OVER unit THEN 'lost'
            ELSE 'cancelled'
        END AS outcome
    FROM cases AS c
    WINDOW unit AS (PARTITION BY coalesce(c.customer_id, c.instance_id))
)
