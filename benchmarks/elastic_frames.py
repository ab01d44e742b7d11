"""Elastic constants of a potential beside those of the strained frames that it learned from.

`python benchmarks/elastic_frames.py RUN FRAMES... --crystal Cu`. Frames whose atoms stand where a
homogeneous strain of a cubic crystal takes them are looked for. Their stresses, those of the labels
and those of the potential for the same frames, are fitted by cubic polynomials of the strain; the
slopes are elastic constants with clamped ions. Below stand the constants of `xtalgraph elastic`,
clamped and relaxed, and the bulk moduli of E(V) over several ranges.
"""

import argparse
import math
from collections.abc import Sequence
from typing import Any, Final, NamedTuple

import numpy as np
from ase import Atoms, units
from ase.build import bulk
from ase.io import read
from scipy.linalg import polar

import xtalgraph
from xtalgraph.crystals.convert import from_ase
from xtalgraph.simulation.elastic import elastic_constants
from xtalgraph.simulation.equation_of_state import equation_of_state
from xtalgraph.simulation.relaxation import relax

IDEAL: Final = 1e-3
"""How far an atom may stand from its site in a strained crystal, in parts of the cubic cell."""
LARGEST: Final = 0.07
"""Strains up to which the polynomials are fitted."""
RANGES: Final = (0.01, 0.02, 0.06, 0.1)
"""Of the volume in either direction, for E(V)."""
CUBIC: Final = ((0, 0), (0, 1), (3, 3))
"""Where C11, C12 and C44 stand in the matrix."""


class Strained(NamedTuple):
    """A frame that is a strained crystal."""

    stretch: np.ndarray
    """Right stretch U of the cubic cell, Å."""
    turn: np.ndarray
    """Rotation R behind it: the rows of the cell are U R."""
    atoms: Atoms


def strained(frames: Sequence[Atoms], in_cell: int) -> list[Strained]:
    """Return the frames that are strained supercells of a cubic crystal.

    Args:
        frames: Any.
        in_cell: Atoms of the cubic cell: 2 of bcc, 4 of fcc, 8 of diamond.
    """
    found = []
    for atoms in frames:
        copies = round((len(atoms) / in_cell) ** (1 / 3))
        if len(atoms) != in_cell * copies**3:
            continue
        # Sites of bcc and fcc are halves, those of diamond quarters of the cubic cell.
        sites = (atoms.get_scaled_positions() - atoms.get_scaled_positions()[0]) * copies * 4
        if np.abs(sites - sites.round()).max() < 4 * IDEAL:
            turn, stretch = polar(atoms.cell.array / copies, side="left")
            found.append(Strained(stretch, turn, atoms))
    return found


def slopes(frames: Sequence[Strained], stresses: Sequence[np.ndarray]) -> dict[str, float]:
    """Return C11, C12 and C44 of the frames with a strain of one kind, GPa.

    Args:
        frames: Of one crystal.
        stresses: The 3x3 stress of each, GPa.
    """
    lengths = np.concatenate([np.diag(frame.stretch) for frame in frames])
    counts, edges = np.histogram(lengths, bins=2000)
    most = int(counts.argmax())
    rest = lengths[(lengths >= edges[most]) & (lengths <= edges[most + 1])].mean()
    points: dict[str, list[tuple[float, float]]] = {"C11": [], "C12": [], "C44": []}
    for frame, stress in zip(frames, stresses, strict=True):
        strain = frame.stretch / rest - np.eye(3)
        unturned = frame.turn @ stress @ frame.turn.T
        normal, shear = np.diag(strain), strain[np.triu_indices(3, 1)]
        size = max(np.abs(normal).max(), np.abs(shear).max())
        if size > LARGEST:
            continue
        if np.abs(shear).max() < 0.01 * size and np.sum(np.abs(normal) > 0.01 * size) == 1:
            axis = int(np.abs(normal).argmax())
            points["C11"].append((normal[axis], unturned[axis, axis]))
            points["C12"] += [(normal[axis], unturned[i, i]) for i in range(3) if i != axis]
        elif np.sum(np.abs(shear) > 0.01 * size) == 1:
            i, j = (indices[int(np.abs(shear).argmax())] for indices in np.triu_indices(3, 1))
            points["C44"].append((2.0 * strain[i, j], unturned[i, j]))
    found = {}
    for name, pairs in points.items():
        x, y = np.array(pairs).reshape(-1, 2).T
        found[name] = float(np.polyfit(x, y, 3)[2]) if len(np.unique(x.round(4))) > 4 else math.nan
    return found


def line(name: str, constants: dict[str, float]) -> str:
    """Return a row of the table, with the bulk modulus (C11 + 2 C12)/3."""
    c11, c12, c44 = (constants[key] for key in ("C11", "C12", "C44"))
    return f"| {name} | {c11:.1f} | {c12:.1f} | {c44:.1f} | {(c11 + 2 * c12) / 3:.1f} |"


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("run")
    parser.add_argument("frames", nargs="+")
    parser.add_argument("--crystal", default="Cu", help="its element")
    asked = parser.parse_args()
    ideal = bulk(asked.crystal, cubic=True)
    frames = strained([a for path in asked.frames for a in read(path, ":")], len(ideal))
    calculator: Any = xtalgraph.calculator(asked.run)
    labels = [frame.atoms.get_stress(voigt=False) / units.GPa for frame in frames]
    predicted = []
    for frame in frames:
        atoms = frame.atoms.copy()
        atoms.calc = calculator
        predicted.append(atoms.get_stress(voigt=False) / units.GPa)
    print(f"{len(frames)} strained frames of {asked.crystal}; GPa")
    print("| | C11 | C12 | C44 | bulk modulus |\n|---|---|---|---|---|")
    print(line("frames, labels", slopes(frames, labels)))
    print(line("frames, potential", slopes(frames, predicted)))
    crystal = relax(from_ase(bulk(asked.crystal)), calculator, force=1e-5, stress=1e-6).crystal
    for name, moves in (("small strains, clamped", False), ("small strains, relaxed", True)):
        matrix = elastic_constants(crystal, calculator, relax=moves).constants
        at = zip(("C11", "C12", "C44"), CUBIC, strict=True)
        print(line(name, {key: float(matrix[index]) for key, index in at}))
    for extent in RANGES:
        curve = equation_of_state(crystal, calculator, extent=extent)
        print(f"| E(V), ±{100 * extent:g} % of the volume | | | | {curve.bulk_modulus:.1f} |")


if __name__ == "__main__":
    main()
