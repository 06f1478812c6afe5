"""The pure process engine: definitions, steps, clocks and business time; no I/O, no wall clock, no globals."""
