working_hours AS (
    -- How many hours each process worked in the period, by the calendar of its newest version; null: the period has no beginning.
    SELECT w.definition_id, w.hours
    FROM unnest(:hours_definitions::uuid[], :hours_hours::numeric[]) AS w (definition_id, hours)
)
