"""Password hashes, TOTP, and sealed secrets."""
