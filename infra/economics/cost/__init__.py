"""What a month costs: ``make cost RPS=10 USERS=10000`` (docs/cost.md)."""
