"""Lambda's Kafka event source mapping, on your own machine: ``python -m local.esm``."""
