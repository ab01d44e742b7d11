"""F0: units, elements, shapes and error types."""
