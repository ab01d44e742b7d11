"""F0, an island: arrays in, figure out."""
