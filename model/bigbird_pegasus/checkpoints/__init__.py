"""Folders of weights: which files they have, how they are named, read, found and fetched."""
