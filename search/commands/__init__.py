"""The search package's commands, one a file."""
