"""Fast runs of a finished model: packed weights, documents side by side."""
