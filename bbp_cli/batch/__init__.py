"""Many inputs: read, computed together, delivered in order."""
