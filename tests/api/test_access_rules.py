"""Every field has an access rule: a table of them, held against the schema and against what each role is answered."""
