"""How a process is set up: settings, secrets, logs, imports."""
