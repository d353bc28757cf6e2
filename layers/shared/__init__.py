"""What the gateway and the functions agree on: topics, messages, Kafka client, settings."""
