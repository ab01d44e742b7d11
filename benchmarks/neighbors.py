"""Neighbour search: vesin, matscipy, pymatgen and ASE on the same two cells, in one process.

Run it on a quiet machine: `python benchmarks/neighbors.py`. Every library searches all directed
pairs within 5 Å, periodic images included, and returns centres, neighbours, images and distances.
The median of several turns is printed. Vesin uses all cores, the others one;
`OMP_NUM_THREADS=1` makes them equal. A library that is not installed is named and left out.
"""

import importlib.util
import statistics
import time
from collections.abc import Callable

import numpy as np

CUTOFF = 5.0
"""Å."""
HOW_TO_INSTALL = {
    "vesin": "pip install vesin",
    "matscipy": "pip install matscipy",
    "pymatgen": "pip install pymatgen-core",
    "ase": "pip install ase",
}

Search = Callable[[np.ndarray, np.ndarray], int]
"""From cell and positions to the number of directed pairs."""


def with_vesin() -> Search:
    """The search of vesin."""
    import vesin

    def search(cell: np.ndarray, positions: np.ndarray) -> int:
        pairs = vesin.NeighborList(cutoff=CUTOFF, full_list=True)
        return len(pairs.compute(positions, cell, True, "ijSd")[0])

    return search


def with_matscipy() -> Search:
    """The search of matscipy."""
    from matscipy.neighbours import neighbour_list

    def search(cell: np.ndarray, positions: np.ndarray) -> int:
        found = neighbour_list(
            "ijSd",
            cell=cell,
            pbc=np.ones(3, dtype=bool),
            positions=positions,
            cutoff=CUTOFF,
            numbers=np.ones(len(positions), dtype=np.int32),
        )
        return len(found[0])

    return search


def with_pymatgen() -> Search:
    """The search of pymatgen, below its `Structure`."""
    from pymatgen.optimization.neighbors import find_points_in_spheres

    def search(cell: np.ndarray, positions: np.ndarray) -> int:
        pbc = np.ones(3, dtype=np.int64)
        return len(
            find_points_in_spheres(
                all_coords=positions,
                center_coords=positions,
                r=CUTOFF,
                pbc=pbc,
                lattice=cell,
                tol=1e-8,
            )[0]
        ) - len(positions)  # it counts each atom as its own neighbour

    return search


def with_ase() -> Search:
    """The search of ASE."""
    from ase.neighborlist import primitive_neighbor_list

    def search(cell: np.ndarray, positions: np.ndarray) -> int:
        return len(primitive_neighbor_list("ijSd", [True] * 3, cell, positions, CUTOFF)[0])

    return search


def small_cell() -> tuple[np.ndarray, np.ndarray]:
    """A cubic perovskite, 5 atoms."""
    edge = 3.905
    sites = np.array([[0.5, 0.5, 0.5], [0, 0, 0], [0.5, 0, 0], [0, 0.5, 0], [0, 0, 0.5]])
    return edge * np.eye(3), edge * sites


def large_cell() -> tuple[np.ndarray, np.ndarray]:
    """46³ = 97,336 atoms on a rattled cubic lattice of 3.9 Å: 6 neighbours each."""
    count, edge = 46, 3.9
    grid = np.stack(np.meshgrid(*[np.arange(count)] * 3, indexing="ij"), axis=-1)
    positions = edge * grid.reshape(-1, 3).astype(float)
    positions += np.random.default_rng(0).normal(0, 0.05, positions.shape)
    return edge * count * np.eye(3), positions


def measure(
    searches: dict[str, Search], cell: np.ndarray, positions: np.ndarray, turns: int, repeats: int
) -> None:
    """Print the median of each library."""
    for name, search in searches.items():
        pairs, times = search(cell, positions), []
        for _ in range(turns):
            began = time.perf_counter()
            for _ in range(repeats):
                search(cell, positions)
            times.append((time.perf_counter() - began) / repeats)
        print(f"  {name:10s}{1e3 * statistics.median(times):12.3f} ms{pairs:12d} directed pairs")


def main() -> None:
    """Measure both cells."""
    makers = {
        "vesin": with_vesin,
        "matscipy": with_matscipy,
        "pymatgen": with_pymatgen,
        "ase": with_ase,
    }
    searches = {}
    for name, make in makers.items():
        if importlib.util.find_spec(name) is None:
            print(f"{name} is not installed and left out: {HOW_TO_INSTALL[name]}")
        else:
            searches[name] = make()
    for title, (cell, positions), turns, repeats in (
        ("cubic perovskite", small_cell(), 15, 40),
        ("rattled lattice", large_cell(), 5, 1),
    ):
        print(f"{title}, {len(positions)} atoms, {CUTOFF:g} Å, median of {turns}:")
        measure(searches, cell, positions, turns, repeats)


if __name__ == "__main__":
    main()
