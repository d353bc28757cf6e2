"""``python -m local.esm replay``: put back what went to an on-failure destination."""
