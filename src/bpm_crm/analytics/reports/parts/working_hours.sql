working_hours AS (
    -- How many hours each process worked in the period, by the calendar of its newest version; null: none.
    SELECT w.definition_id, nullif(w.hours, 0) AS hours
    FROM unnest(:hours_definitions::uuid[], :hours_hours::numeric[]) AS w (definition_id, hours)
)
