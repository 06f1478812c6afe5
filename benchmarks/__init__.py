"""Benchmarks: what the product does per second against what the database can do at all, as ratios inside one run."""
