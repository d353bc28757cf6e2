"""``make dev``: the whole system in the foreground of one terminal."""
