"""Answers kept ready: what each case adds to a figure is summed by segment, day and month, and read without looking at its history."""
