"""F6: the contract suite, shipped, so that a user's model runs it too."""
