"""From a record to the use case that it asks for."""
