"""The tasks of bbp: from a document to its summary, labels or answers."""
