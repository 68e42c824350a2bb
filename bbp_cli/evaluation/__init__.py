"""How good a model is, on examples with their answers."""
