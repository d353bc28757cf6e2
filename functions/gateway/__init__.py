"""The gateway: HTTP in front of the functions; it asks over Kafka and opens no database."""
