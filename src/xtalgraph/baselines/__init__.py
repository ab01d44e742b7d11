"""F5: what a graph model has to beat."""
