"""From a document to its summary, and how good it is."""
