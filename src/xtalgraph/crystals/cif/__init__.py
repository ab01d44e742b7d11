"""CIF text to crystals: items, symmetry, sites, and what the file declares of them."""

from xtalgraph.crystals.cif.reader import read_cif

__all__ = ["read_cif"]
