"""The services that the system needs, from Python packages: no Docker, no root, no account."""
