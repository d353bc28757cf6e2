"""Redis, and the profiles that are kept in it."""
