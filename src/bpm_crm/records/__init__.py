"""The database: tables, queries, and the transactions they run in."""
