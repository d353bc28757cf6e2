"""The use cases. Nothing here imports a driver; storage imports this, never the reverse."""
