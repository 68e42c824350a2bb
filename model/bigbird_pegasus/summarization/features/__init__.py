"""What is counted about a document's sentences and words."""
