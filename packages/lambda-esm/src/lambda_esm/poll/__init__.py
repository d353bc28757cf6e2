"""From partitions to batches."""
