"""Plain text without a model: language, lines, sentences, words, windows."""
