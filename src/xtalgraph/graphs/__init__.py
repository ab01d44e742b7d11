"""F2: neighbours and the crystal graph."""
