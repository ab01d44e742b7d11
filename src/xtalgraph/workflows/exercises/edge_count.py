"""Exercise 1: a periodic graph from a CIF, and its edges counted by other hands."""

from collections import Counter
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np

from xtalgraph.conventions.elements import SYMBOLS
from xtalgraph.conventions.errors import InputError
from xtalgraph.conventions.extras import import_extra
from xtalgraph.conventions.files import make_folder
from xtalgraph.crystals.convert import to_pymatgen
from xtalgraph.crystals.crystal import Crystal
from xtalgraph.data.table import read_table
from xtalgraph.graphs.build import build_graph
from xtalgraph.graphs.exchange.pyg import to_pyg
from xtalgraph.graphs.minimum_image import minimum_image, minimum_image_check
from xtalgraph.graphs.strategies import Radius
from xtalgraph.workflows.exercises.exercise import ExerciseResults, write_results

CUTOFF = 4.0
"""Å; in rock salt with a = 5.64 Å it takes in the first two shells, at a/2 and at a/√2."""


@dataclass(frozen=True)
class EdgeCount:
    """Directed edges of one crystal, counted in several ways."""

    formula: str
    atoms: int
    cutoff: float
    """Å."""
    edges: int
    """Ours."""
    pymatgen: int
    """By pymatgen's search of neighbours."""
    pyg: int
    """Columns of ``edge_index`` of the PyTorch Geometric batch."""
    within_cell: int
    """Without images: atoms of the cell among themselves."""
    minimum_image: int
    """With one image for each pair, by the rule r − T round(T⁻¹ r)."""
    rule_suffices: bool
    """Whether that rule finds all neighbours within this cutoff."""
    shells: dict[str, int]
    """``Na-Cl at 2.820 Å`` to the number of neighbours of that kind that a center has."""


def _count_edges(crystal: Crystal, cutoff: float) -> EdgeCount:
    """Count the edges of a periodic graph in several ways, within a cutoff in Å."""
    graph = build_graph(crystal, Radius(cutoff))
    # Pymatgen counts a pair at the cutoff itself, as there are in ideal crystals; we do not.
    centers, *_ = to_pymatgen(crystal).get_neighbor_list(cutoff - 1e-7)
    home = int((graph.image == 0).all(dim=1).sum())
    vectors = crystal.positions[None, :, :] - crystal.positions[:, None, :]
    shortened = minimum_image(vectors.reshape(-1, 3), crystal.cell, crystal.pbc)
    length = np.linalg.norm(shortened, axis=1).reshape(len(crystal), len(crystal))
    between = ~np.eye(len(crystal), dtype=bool)
    return EdgeCount(
        formula=crystal.formula,
        atoms=len(crystal),
        cutoff=cutoff,
        edges=len(graph.center),
        pymatgen=len(centers),
        pyg=int(to_pyg(graph).edge_index.shape[1]),
        within_cell=home,
        minimum_image=int((between & (length <= cutoff)).sum()),
        rule_suffices=bool(minimum_image_check(crystal.cell, cutoff, crystal.pbc)),
        shells=_shells(graph),
    )


def _shells(graph: Any) -> dict[str, int]:
    """Return the neighbours that the centers of an element have, for each element and distance."""
    number, distance = graph.number.numpy(), graph.distance.numpy()
    edges = zip(number[graph.center], number[graph.neighbor], distance.round(3), strict=True)
    centers = Counter(number.tolist())
    counted = Counter((int(i), int(j), float(d)) for i, j, d in edges)
    return {
        f"{SYMBOLS[i]}-{SYMBOLS[j]} at {d:.3f} Å": round(count / centers[i])
        for (i, j, d), count in sorted(counted.items(), key=lambda item: (item[0][0], item[0][2]))
    }


def rock_salt(folder: Path) -> list[Path]:
    """Write rock salt, a = 5.64 Å, as two CIFs: the primitive cell and the conventional one."""
    from pymatgen.core import Lattice, Structure

    salt = Structure.from_spacegroup(
        "Fm-3m", Lattice.cubic(5.64), ["Na", "Cl"], [[0, 0, 0], [0.5, 0.5, 0.5]]
    )
    make_folder(folder)
    paths = [folder / "NaCl-primitive.cif", folder / "NaCl-conventional.cif"]
    for path, structure in zip(paths, (salt.get_primitive_structure(), salt), strict=True):
        path.write_text(structure.to(fmt="cif"), encoding="utf-8")
    return paths


def edge_count(out: str | Path, data: str | Path | None = None) -> ExerciseResults:
    """Build the graph of a crystal file, and count its edges in several ways; see `exercise`."""
    import_extra("torch_geometric.data")
    counts, texts = [], []
    for path in rock_salt(Path(out)) if data is None else [Path(data)]:
        table = read_table(path)
        wrong = [rejection.reason for rejection in table.rejected]
        wrong += ["it is not periodic" for crystal in table.crystals if not crystal.pbc.all()]
        if wrong:
            raise InputError(f"{path} cannot be used for exercise 1: {'; '.join(wrong[:3])}")
        counted = [_count_edges(crystal, CUTOFF) for crystal in table.crystals]
        counts += counted
        texts += [_words(count, path) for count in counted]
    document = {"crystals": [asdict(count) for count in counts]}
    return write_results(1, Path(out), ExerciseResults("\n".join(texts), document))


def _words(count: EdgeCount, path: Path) -> str:
    agree = "agree" if count.edges == count.pymatgen == count.pyg else "DISAGREE"
    rule = "is" if count.rule_suffices else "is not"
    return "\n".join(
        [
            f"{count.formula} of {path.name}, {count.atoms} atoms, within {count.cutoff:g} Å:",
            f"  {count.edges} directed edges; by pymatgen {count.pymatgen}, in PyTorch Geometric "
            f"{count.pyg}: they {agree}",
            *(f"  {shell}: {number} neighbours" for shell, number in count.shells.items()),
            f"  without images of the cell: {count.within_cell}",
            f"  with one image for each pair: {count.minimum_image}; the minimum-image rule {rule} "
            "enough at this cutoff",
        ]
    )
