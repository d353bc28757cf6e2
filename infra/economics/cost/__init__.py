"""The cost of a month: ``make cost RPS=10 USERS=10000`` (docs/cost.md)."""
