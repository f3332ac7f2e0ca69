"""The commands of stl-catalog, one a file."""
