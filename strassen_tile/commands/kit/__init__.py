"""What all commands share: options, tables, and how failures are reported."""
