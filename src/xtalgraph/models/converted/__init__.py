"""Models of other packages, whose plain weights were exported."""
