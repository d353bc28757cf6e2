"""The system's costs and its capacity."""
