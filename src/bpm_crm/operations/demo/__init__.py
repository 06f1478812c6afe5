"""Demo data: a small company and a year of its leads, simulated through the one write path."""
