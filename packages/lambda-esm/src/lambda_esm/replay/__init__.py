"""``lambda-esm replay``: records of an on-failure destination, written to their topics again."""
