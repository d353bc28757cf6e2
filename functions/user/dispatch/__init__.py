"""From a record to its use case."""
