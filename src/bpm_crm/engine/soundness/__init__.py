"""The proof of soundness: what a definition can never do, what it may do wrongly, and a trace that shows it."""
