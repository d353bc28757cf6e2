"""The gateway: HTTP before the functions. It sends commands over Kafka, and has no database."""
