"""Many starts at a time with torch, on a GPU where there is one; imported only where it is asked for."""
