"""What the system costs, and what it can carry."""
