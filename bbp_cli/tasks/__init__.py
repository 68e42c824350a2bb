"""From a document to a result."""
