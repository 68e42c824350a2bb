"""From text to text, labels, answers, continuations or features in one call."""
