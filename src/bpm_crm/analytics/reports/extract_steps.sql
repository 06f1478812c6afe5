-- The history of some cases for a table, as far as it had happened and was known.
SELECT
    h.instance_id, h.sequence, h.kind, h.occurred_at, h.transition, h.from_stage, h.to_stage, h.reason, h.actor_id, h.actor_kind,
    h.owner_id, h.team_id, h.business / 1e6::float8 AS business_seconds,
    extract(epoch FROM h.occurred_at - h.entered_at)::float8 AS seconds, array_to_string(h.checkpoints, ', ') AS checkpoints
FROM unnest(:instances::uuid[]) AS w (instance_id)
JOIN history AS h ON h.tenant_id = $1 AND h.instance_id = w.instance_id
WHERE h.occurred_at <= :as_of::timestamptz AND h.recorded_at <= :known_at::timestamptz
ORDER BY h.instance_id, h.sequence
LIMIT :most
