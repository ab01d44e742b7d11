"""F4: tables of crystals with targets: sources, splits, targets, the packed graphs."""
