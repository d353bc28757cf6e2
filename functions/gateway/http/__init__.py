"""The API's bodies, its problems and its document."""
