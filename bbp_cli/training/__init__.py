"""`bbp train`: a run, its folder, its batches, what comes of it."""
