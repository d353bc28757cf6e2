"""Kafka: producing, request-reply, topics."""
