"""Results as text or JSON records, written to stdout or files."""
