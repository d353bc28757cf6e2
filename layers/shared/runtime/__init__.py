"""What Lambda is to a function: its invocation, its batch of records, its metrics."""
