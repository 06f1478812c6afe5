"""Our own launcher of a private PostgreSQL, used where no database URL is given."""
