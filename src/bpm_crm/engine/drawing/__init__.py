"""Pictures of a process: what is drawn, where everything stands, and the formats it is written in."""
