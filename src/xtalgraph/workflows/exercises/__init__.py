"""The exercises: each a function, a command, a page and a notebook."""
