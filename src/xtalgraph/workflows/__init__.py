"""F7: what a verb means, from start to end."""
