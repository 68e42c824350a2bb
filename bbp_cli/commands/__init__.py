"""What can be typed: a file a command."""
