"""Networks made cheaper by a method, and what they lose by it."""
