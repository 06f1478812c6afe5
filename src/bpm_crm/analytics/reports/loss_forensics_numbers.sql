-- Losses by stage, reason, evidence and what it is about, in each segment.
SELECT m.stage, m.reason, m.evidence, m.subject, m.segment, count(*) AS cases
FROM members AS m
WHERE m.number = 'lost'
GROUP BY m.stage, m.reason, m.evidence, m.subject, m.segment
