"""From a batch to its end: invocations, retries, bisection."""
