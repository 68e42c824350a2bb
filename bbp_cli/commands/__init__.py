"""The commands of bbp, a file each: options, help, and the call of what does the work."""
