-- The whole segment of each given case that figures count, but for owner and team at a step.
WITH
{given_cases},
{cases}
SELECT
    c.instance_id,
    ARRAY[
        c.channel_id::text, NULL, c.definition_id::text, NULL, c.campaign_id::text, c.region, c.definition_id || '@' || c.version,
        c.owner_id::text, c.team_id::text, c.stage, c.outcome, c.moved_reason
    ] AS segment
FROM cases AS c
