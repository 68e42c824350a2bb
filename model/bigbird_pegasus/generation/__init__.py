"""Writing: greedy and beam search, sampling, and their options."""
