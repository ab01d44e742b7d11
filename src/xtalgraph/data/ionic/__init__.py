"""The embedded data set: perovskites with the energies of a rigid-ion model (not DFT)."""
