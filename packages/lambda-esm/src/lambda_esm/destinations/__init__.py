"""Where discarded records go: a Kafka topic, SQS, SNS or S3."""
