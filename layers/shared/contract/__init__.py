"""What travels over Kafka: topics, messages, headers, and the errors of a reply."""
