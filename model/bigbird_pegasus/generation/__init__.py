"""Writing: greedy and beam search, sampling, and what they are told."""
