"""The user service, as the gateway reaches it: commands and queries over Kafka."""
