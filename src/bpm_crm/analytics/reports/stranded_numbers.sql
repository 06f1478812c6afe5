SELECT n.definition_id, n.stage, count(*) AS cases FROM members AS n GROUP BY n.definition_id, n.stage
