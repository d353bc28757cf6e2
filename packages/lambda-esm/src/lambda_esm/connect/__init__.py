"""Reaching Kafka and AWS: clients, credentials, brokers."""
