"""What operators and deployments run."""
