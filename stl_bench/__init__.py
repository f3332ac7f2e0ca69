"""Measuring encoders, layers and networks beside what people would use instead."""
