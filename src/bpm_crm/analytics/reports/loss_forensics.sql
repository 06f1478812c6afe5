-- Loss forensics: of each case that stood lost what the record shows to have gone wrong before: one evidence, with what it is about.
WITH
{losing_cases},
{cases},
{lost},
bound_clocks AS (
    -- Every SLA policy, with the checkpoint that it measures, by version; `is_document`: it waits for a move that needs data.
    SELECT b.definition_id, b.version, b.policy, b.step, b.is_document
    FROM unnest(:bound_definitions::uuid[], :bound_versions::int[], :bound_policies::text[], :bound_checkpoints::text[], :bound_documents::boolean[])
        AS b (definition_id, version, policy, step, is_document)
),
{clocked_cases},
{cycles},
breaches AS MATERIALIZED (
    -- The clock of each case that was due first among those that were breached, documents before others.
    SELECT DISTINCT ON (l.instance_id) l.instance_id, b.is_document, y.clock AS subject
    FROM lost AS l
    JOIN cycles AS y ON y.instance_id = l.instance_id AND y.state = 'breached'
    JOIN bound_clocks AS b ON b.definition_id = y.definition_id AND b.version = y.version AND b.policy = y.clock
    WHERE y.due_at < l.occurred_at
    ORDER BY l.instance_id, b.is_document DESC, y.due_at, y.clock
),
awaited AS MATERIALIZED (
    -- The checkpoint of each case whose clock the loss cancelled: what it waited for had not been done.
    SELECT DISTINCT ON (y.instance_id) y.instance_id, b.step AS subject
    FROM lost AS l
    JOIN cycles AS y ON y.instance_id = l.instance_id AND y.sequence >= l.sequence
    JOIN bound_clocks AS b ON b.definition_id = y.definition_id AND b.version = y.version AND b.policy = y.clock
    WHERE y.state = 'cancelled' AND b.step IS NOT NULL
    ORDER BY y.instance_id, y.due_at, y.clock
),
demands AS (
    -- The moves out of a stage that reach a checkpoint, with the data they need, by version.
    SELECT d.definition_id, d.version, d.stage, d.checkpoint, string_to_array(d.fields, ',') AS fields, d.place
    FROM unnest(:demand_definitions::uuid[], :demand_versions::int[], :demand_stages::text[], :demand_checkpoints::text[], :demand_fields::text[])
        WITH ORDINALITY AS d (definition_id, version, stage, checkpoint, fields, place)
),
lacks AS (
    -- Of those moves, as far as their checkpoint had not been reached: whether data was missing that they need.
    SELECT
        l.instance_id, d.checkpoint, d.place,
        EXISTS (
            SELECT FROM unnest(d.fields) AS f (field)
            WHERE (
                SELECT v.data ->> f.field
                FROM history AS v
                WHERE v.tenant_id = $1 AND v.instance_id = l.instance_id AND v.sequence <= l.sequence AND v.data ? f.field
                ORDER BY v.sequence DESC
                LIMIT 1
            ) IS NULL
        ) AS is_lacking
    FROM lost AS l
    JOIN demands AS d ON d.definition_id = l.definition_id AND d.version = l.version_then AND d.stage = l.stage
    WHERE NOT EXISTS (
        SELECT FROM history AS v
        WHERE v.tenant_id = $1 AND v.instance_id = l.instance_id AND d.checkpoint = ANY (v.checkpoints)
          AND v.occurred_at <= l.occurred_at AND v.recorded_at <= :known_at::timestamptz
    )
),
blocked AS MATERIALIZED (
    -- The first of those moves, where every one of them lacked something.
    SELECT n.instance_id, (array_agg(n.checkpoint ORDER BY n.place))[1] AS subject
    FROM lacks AS n
    GROUP BY n.instance_id
    HAVING bool_and(n.is_lacking)
),
found AS (
    SELECT
        l.instance_id, l.stage, l.reason, l.segment,
        CASE
            WHEN b.is_document THEN 'document_late'
            WHEN b.instance_id IS NOT NULL THEN 'clock_breached'
            WHEN coalesce(a.subject, m.subject) IS NOT NULL THEN 'action_missing'
            ELSE 'none'
        END AS evidence,
        coalesce(b.subject, a.subject, m.subject) AS subject
    FROM lost AS l
    LEFT JOIN breaches AS b ON b.instance_id = l.instance_id
    LEFT JOIN awaited AS a ON a.instance_id = l.instance_id
    LEFT JOIN blocked AS m ON m.instance_id = l.instance_id
),
members AS (
    -- Each loss in the cell of its stage, reason and evidence, and there again under what the evidence is about.
    SELECT
        f.stage || '/' || coalesce(f.reason, '') || '/' || f.evidence AS step, f.segment, n.number, f.instance_id,
        f.stage, f.reason, f.evidence, f.subject
    FROM found AS f
    CROSS JOIN LATERAL (VALUES ('lost'), ('lost/' || f.subject)) AS n (number)
    WHERE n.number IS NOT NULL
)
