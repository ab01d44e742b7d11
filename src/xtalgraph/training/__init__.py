"""F6: one loop for every model."""
