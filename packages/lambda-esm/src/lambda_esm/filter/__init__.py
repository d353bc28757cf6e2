"""Filter criteria: which records are delivered."""
