-- Which of some whole segments of a tenant a filter holds: it looks at the case as it would in a report.
SELECT s.place
FROM unnest(
    :channel_values::text[], :process_values::text[], :campaign_values::text[], :region_values::text[],
    :owner_now_values::text[], :team_now_values::text[], :version_now_values::text[], :stage_values::text[], :outcome_values::text[], :reason_values::text[]
) WITH ORDINALITY AS s (channel, process, campaign, region, owner_now, team_now, version_now, stage, outcome, reason, place)
CROSS JOIN LATERAL (
    SELECT s.process::uuid AS definition_id, s.channel::uuid AS channel_id, s.owner_now::uuid AS owner_id, s.team_now::uuid AS team_id
) AS i
CROSS JOIN LATERAL (
    SELECT
        split_part(s.version_now, '@', 2)::int AS version, s.channel::uuid AS channel_id, s.campaign::uuid AS campaign_id, s.region,
        s.owner_now::uuid AS owner_id, s.team_now::uuid AS team_id
) AS k
CROSS JOIN LATERAL (SELECT s.stage AS to_stage, s.outcome, s.reason) AS m
WHERE $1::uuid IS NOT NULL AND ({filter})
