"""What users, integrations and clocks can do: load, decide, record; one transaction each."""
