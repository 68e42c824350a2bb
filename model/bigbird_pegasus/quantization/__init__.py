"""Weights in fewer bits, swapped in from outside the network."""
