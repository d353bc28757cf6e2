"""The user function: accounts in PostgreSQL, asked over Kafka."""
