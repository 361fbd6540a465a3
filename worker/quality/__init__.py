"""How good a clustering is: pure measures on weighted points, colours and label maps."""
