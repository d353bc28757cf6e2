"""What a mapping is: its function, its records and events, the outcomes of its invocations."""
