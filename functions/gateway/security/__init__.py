"""Tokens, revoked sessions, and limits to abuse."""
