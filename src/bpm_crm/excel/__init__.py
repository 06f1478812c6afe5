"""Workbooks in and out: leads and history from tables people keep, figures as a workbook that computes them again."""
