"""The recipe of the default model; README.md says how it is run."""
