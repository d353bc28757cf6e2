"""Everything that runs the system on one machine: services, event source mapping, `make dev`."""
