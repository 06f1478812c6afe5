touching AS (
    {touched}
),
candidates AS (
    -- Cases that touched an entrance in the period, and every other case of their customers: one of those may have been first.
    SELECT t.instance_id FROM touching AS t
    UNION
    SELECT o.id
    FROM touching AS t
    JOIN process_instance AS i ON i.tenant_id = $1 AND i.id = t.instance_id
    JOIN process_instance AS o ON o.tenant_id = $1 AND o.customer_id = i.customer_id
)
