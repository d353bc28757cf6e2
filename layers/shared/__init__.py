"""What the gateway and the functions agree on, and what each of them is built from."""
