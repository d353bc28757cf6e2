"""All SQL: one module for each table, whose methods work inside a given transaction."""
