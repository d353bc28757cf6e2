"""The user service, asked over Kafka."""
