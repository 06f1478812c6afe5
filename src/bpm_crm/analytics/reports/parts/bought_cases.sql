{asked},
cases AS MATERIALIZED (
    -- The purchases among the candidates that are inside the filter: `purchases` tells how each stood.
    SELECT c.*
    FROM candidates AS c
    CROSS JOIN LATERAL (
        SELECT c.instance_id AS id, c.definition_id, c.started_at, c.owner_now AS owner_id, c.team_now AS team_id, c.channel_id
    ) AS i
    CROSS JOIN LATERAL (SELECT c.version, c.owner_id, c.team_id, c.channel_id, c.campaign_id, c.region) AS k
    CROSS JOIN LATERAL (SELECT c.stage AS to_stage, 'won' AS outcome, c.reason) AS m
    WHERE i.definition_id = ANY (:definitions::uuid[]) AND ({filter})
)
