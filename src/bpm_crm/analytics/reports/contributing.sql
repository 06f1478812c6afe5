-- The whole segment of each given case that figures count, but for owner, team and version at a step.
WITH
{given_cases},
{cases}
SELECT
    c.instance_id,
    ARRAY[
        c.channel_id::text, NULL, c.definition_id::text, NULL, c.campaign_id::text, c.region, NULL,
        c.owner_id::text, c.team_id::text, c.definition_id || '@' || c.version, c.stage, c.outcome, c.moved_reason
    ] AS segment
FROM cases AS c
