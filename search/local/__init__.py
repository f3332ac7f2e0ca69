"""Moves from one encoder to the next: hops, growth annealing, rank reduction, change of basis."""
