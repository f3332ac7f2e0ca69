"""Real networks that comparisons run on."""
