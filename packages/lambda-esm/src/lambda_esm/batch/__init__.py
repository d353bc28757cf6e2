"""From partitions to batches, and from a batch to the parts of it that are invoked."""
