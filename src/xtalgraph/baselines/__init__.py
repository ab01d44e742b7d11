"""F5: the baselines of graph models."""
