"""Units that are converted; everything inside is in eV, Å, eV/Å³ and K."""

from typing import Final

GPA: Final = 160.21766208
"""Of an eV/Å³."""
COULOMB: Final = 14.399645478426
"""e²/(4πε₀) in eV Å, from the CODATA 2018 values of e and ε₀."""
BOLTZMANN: Final = 8.617333262e-5
"""eV/K."""
KJ_PER_MOL: Final = 0.010364269656
"""eV, of a particle of a mole."""
