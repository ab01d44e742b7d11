"""F8: what a verb is called and what it prints, no logic."""
