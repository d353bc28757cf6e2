"""What every request passes: who it comes from, what it may ask for."""
