"""From a result to bytes: text, records, streams, files."""
