"""Write the table of element properties that xtalgraph ships.

It is run once, by hand, where ``pymatgen-core==2026.10.16`` is installed, and ``mendeleev==1.3.0``,
which is not a dependency:

    python scripts/make_element_table.py src/xtalgraph/conventions/elements.csv
"""

import csv
import re
import sys
from collections import defaultdict
from pathlib import Path

from mendeleev import get_all_elements
from pymatgen.core import Element
from pymatgen.core.bond_valence import PRIOR_PROB

HEADER = """\
Properties of the elements, written by scripts/make_element_table.py from mendeleev 1.3.0
(https://mendeleev.readthedocs.io, L. M. Mentel). An empty field is a value that is not known.
group: IUPAC group, empty for the f block; period: 1 to 7; block: of La and Ac d, of Lu and Lr f
valence_electrons: outside the noble-gas core and filled inner d and f shells (f block: Z - core)
s_, p_, d_, f_electrons: of the ground state of the free atom outside the noble-gas core
electronegativity: Pauling, CRC Handbook of Chemistry and Physics
covalent_radius: angstrom, single bond, Pyykko and Atsumi 2009, doi 10.1002/chem.200800987
vdw_radius: angstrom, Alvarez 2013, doi 10.1039/c3dt50599e; noble gases Vogt and Alvarez 2014
first_ionization_energy: eV, NIST Atomic Spectra Database, doi 10.18434/T4W30F
electron_affinity: eV, CRC Handbook; empty where the free anion is not bound
polarizability: bohr^3, Schwerdtfeger and Nagle 2019, doi 10.1080/00268976.2018.1535143
atomic_volume: cm3/mol, mass over density of the liquid or solid; for the elements that are gases
  the liquid at its normal boiling point (NIST Chemistry WebBook, doi 10.18434/T4D303); densities
  of At, Fr and from Es on are estimates
atomic_mass: u, standard atomic weight, or mass number where there is none
melting_point: K, of the stable form at normal pressure; empty for C, which sublimes, and for He
mendeleev_number: order by columns of the periodic table, Villars et al. 2004,
  doi 10.1016/j.jallcom.2003.08.060
lowest_, highest_oxidation_state: of the main ones
common_oxidation_state: the one other than 0 that most crystals of the ICSD have, by the counts in
  pymatgen-core 2026.10.16 (bond_valence, doi 10.1016/j.commatsci.2012.10.028); for elements that
  are not counted there, the common one of pymatgen if there is just one"""

# g/cm3 at the normal boiling point; mendeleev gives the gas at 298 K.
LIQUID_DENSITY = {
    "H": 0.0708,
    "He": 0.125,
    "N": 0.806,
    "O": 1.141,
    "F": 1.502,
    "Ne": 1.207,
    "Cl": 1.562,
    "Ar": 1.395,
    "Kr": 2.416,
    "Xe": 2.942,
    "Rn": 4.4,
}


def subshells(configuration: str) -> dict[str, int]:
    """Electrons outside the noble-gas core by letter: ``[Ar] 3d6 4s2`` → s 2, d 6."""
    count = dict.fromkeys("spdf", 0)
    for letter, electrons in re.findall(r"\d([spdf])(\d*)", configuration):
        count[letter] += int(electrons or 1)
    return count


def angstrom(picometre: float | None) -> float | None:
    """Radius in Å of one in pm."""
    return None if picometre is None else picometre / 100


def melting_point(element: object) -> float | None:
    """Highest temperature at which a form of the element melts, in K."""
    forms = [
        form.melting_point
        for form in element.phase_transitions
        if form.melting_point is not None
        and not form.is_transition
        and (not form.is_sublimation_point or form.triple_point_temperature is not None)
    ]
    return max(forms, default=None)


def common_oxidation_states() -> dict[str, int]:
    """The most frequent oxidation state of each element that has one."""
    counted = defaultdict(list)
    for species, crystals in PRIOR_PROB.items():
        if species.oxi_state:
            counted[species.symbol].append((crystals, int(species.oxi_state)))
    common = {symbol: max(states)[1] for symbol, states in counted.items()}
    for element in Element:
        if element.symbol not in common and len(element.common_oxidation_states) == 1:
            common[element.symbol] = element.common_oxidation_states[0]
    return common


def row(element: object) -> dict[str, object]:
    """The line of one element."""
    affinity = element.electron_affinity
    volume = element.atomic_volume
    if element.symbol in LIQUID_DENSITY:
        volume = element.atomic_weight / LIQUID_DENSITY[element.symbol]
    electrons = subshells(element.econf)
    return {
        "atomic_number": element.atomic_number,
        "symbol": element.symbol,
        "group": element.group_id,
        "period": element.period,
        "block": element.block,
        "valence_electrons": element.nvalence(),
        **{f"{letter}_electrons": electrons[letter] for letter in "spdf"},
        "electronegativity": element.en_pauling,
        "covalent_radius": angstrom(element.covalent_radius_pyykko),
        "vdw_radius": angstrom(element.vdw_radius_alvarez),
        "first_ionization_energy": element.ionenergies.get(1),
        # Negative entries are resonances above the neutral atom, not bound anions.
        "electron_affinity": affinity if affinity is not None and affinity > 0 else None,
        "polarizability": element.dipole_polarizability,
        "atomic_volume": volume,
        "atomic_mass": element.atomic_weight,
        "melting_point": melting_point(element),
        "mendeleev_number": element.mendeleev_number,
        "lowest_oxidation_state": min(element.oxistates, default=None),
        "highest_oxidation_state": max(element.oxistates, default=None),
        "common_oxidation_state": COMMON.get(element.symbol),
    }


COMMON = common_oxidation_states()


def text(value: object) -> str:
    """Seven digits of a number, nothing for nothing."""
    if value is None:
        return ""
    return f"{value:.7g}" if isinstance(value, float) else str(value)


def main(path: Path) -> None:
    """Write the table."""
    rows = [row(element) for element in get_all_elements()]
    with path.open("w", newline="", encoding="utf-8") as file:
        file.writelines(f"# {line}\n" for line in HEADER.splitlines())
        writer = csv.DictWriter(file, fieldnames=list(rows[0]), lineterminator="\n")
        writer.writeheader()
        writer.writerows({name: text(value) for name, value in line.items()} for line in rows)
    print(f"{len(rows)} elements → {path}")


if __name__ == "__main__":
    main(Path(sys.argv[1]))
