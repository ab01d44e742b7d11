"""F6: what is known about a predictor, and the report that says it."""
