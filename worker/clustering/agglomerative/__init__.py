"""Agglomerative clustering: the exact engine in `engine`."""
