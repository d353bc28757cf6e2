"""Where records go that were given up: a Kafka topic, SQS, SNS or S3."""
