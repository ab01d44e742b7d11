"""Features that turn with the crystal: irreducible representations of O(3), channels last."""
