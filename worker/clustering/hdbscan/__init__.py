"""HDBSCAN: the exact engine in `engine`."""
