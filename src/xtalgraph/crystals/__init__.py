"""F1: reading and writing crystals, the checks on what comes in, transforms."""
