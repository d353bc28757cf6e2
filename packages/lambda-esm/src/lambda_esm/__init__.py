"""Lambda's Kafka event source mapping, on your own machine: the command ``lambda-esm``."""
