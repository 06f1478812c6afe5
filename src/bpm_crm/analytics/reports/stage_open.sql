-- The cases that stand in a stage under some versions, among those that the report would count.
SELECT v.instance_id
FROM visits AS v
WHERE v.is_open AND (v.definition_id, v.version) IN (
    SELECT d.definition_id, d.version
    FROM unnest(:wanted_definitions::uuid[], :wanted_versions::int[]) AS d (definition_id, version)
)
