"""Tokens, and limits to what can be tried."""
