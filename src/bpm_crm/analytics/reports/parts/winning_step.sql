LEFT JOIN LATERAL (
        -- The step that won the case, where segments name it; the index of what ended cases tells it.
        SELECT h.definition_id, h.version, h.owner_id, h.team_id, h.actor_kind, h.actor_id
        FROM history AS h
        WHERE :names_step::bool AND h.tenant_id = $1 AND h.definition_id = c.definition_id AND h.occurred_at = c.bought_at
          AND h.instance_id = c.instance_id AND h.outcome IS NOT NULL AND h.recorded_at <= :known_at::timestamptz
        ORDER BY h.sequence DESC
        LIMIT 1
    ) AS h ON true
