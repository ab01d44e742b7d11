"""F8: one module per verb, no logic."""
