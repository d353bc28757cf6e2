"""HTTP: bodies, problems, and the API's document."""
