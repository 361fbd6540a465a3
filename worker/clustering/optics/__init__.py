"""OPTICS: the exact engine in `engine`, clusters from its plot in `extraction`."""
