"""KMeans: the exact engine in `engine`."""
