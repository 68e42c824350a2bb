"""Which model, where it is, and what it runs on."""
