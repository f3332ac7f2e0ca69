"""The commands of stl-bench, one a file."""
