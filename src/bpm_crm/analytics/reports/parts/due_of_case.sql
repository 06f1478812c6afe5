unnest(c.sequences, c.clocks, c.verdicts, c.are_open, c.worked, c.due_instants)
        AS y (sequence, clock, verdict, is_open, worked, due_at)
