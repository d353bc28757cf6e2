"""How much the system carries, and its first bottleneck: ``make capacity`` (docs/capacity.md)."""
