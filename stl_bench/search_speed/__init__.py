"""How fast a search's steps are, and what searches reach end to end."""
