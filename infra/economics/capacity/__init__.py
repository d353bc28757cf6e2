"""How much the system carries, and what limits it first: ``make capacity`` (docs/capacity.md)."""
