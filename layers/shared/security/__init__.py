"""Sealed fields and their keys, password rules, sign-in to ElastiCache."""
