"""Pixels to weighted points: which count, how often, and where they lie in a colour space."""
