"""All SQL, one module for each table; every method works inside a transaction that is given."""
