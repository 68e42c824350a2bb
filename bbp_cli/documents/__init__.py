"""Files, folders and pipes to documents."""
