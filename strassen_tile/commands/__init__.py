"""The commands stl-search and stl-catalog, and what all commands share."""
