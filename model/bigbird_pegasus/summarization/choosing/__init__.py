"""Summaries made of the document's sentences."""
