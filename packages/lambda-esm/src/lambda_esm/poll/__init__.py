"""Read records, keep the group's membership, commit offsets."""
