"""``lambda-esm replay``: put back what went to an on-failure destination."""
