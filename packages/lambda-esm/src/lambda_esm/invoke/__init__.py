"""Ways to invoke a function: in this process, in worker processes, or over the Invoke API."""
