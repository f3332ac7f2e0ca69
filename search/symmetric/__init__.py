"""Encoders invariant under a group, and moves among them."""
