steps AS (
    -- The checkpoints asked about, numbered from 1.
    SELECT s.step::int AS step, s.checkpoint
    FROM unnest(:checkpoints::text[]) WITH ORDINALITY AS s (checkpoint, step)
)
