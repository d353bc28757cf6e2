"""What a mapping is: its function, its records, its events, its outcomes."""
