"""Finding tile encoders: strategies behind one seam, scoring, and running them in parallel."""
