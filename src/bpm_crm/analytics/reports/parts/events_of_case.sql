unnest(c.sequences, c.clocks, c.events, c.instants) AS e (sequence, clock, event, happened_at)
