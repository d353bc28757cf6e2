"""A NestJS gateway and user service, to measure ours beside."""
