"""Many inputs: read, computed in batches, written in order."""
