"""From CIF text to graphs against pymatgen, matgl and ALIGNN; one large cell against atoms.

Run it on a quiet machine: `python benchmarks/graphs.py`, or with a table whose column `cif` is read
(`python benchmarks/graphs.py perovskites.csv.gz`). One process, one thread, same texts for all, in
turns; the median of the turns is printed, and the ratio to xtalgraph. What each has to do:

- xtalgraph: parse, check the crystal, 12 nearest within 8 Å with whole shells, tensors in a batch;
  and the same reduced by symmetry.
- pymatgen: `Structure.from_str`, `get_all_neighbors` at 8 Å, sorted, the first 12 taken, tensors:
  what the original CGCNN code does (without its Gaussians).
- matgl, ALIGNN: the converters of these packages after pymatgen's or JARVIS's parsing; where they
  are not installed, how to install them is printed.

Then two processes. Then one rattled perovskite supercell of 10³ to 10⁶ atoms with all neighbours
within 5 Å: time against atoms, the exponent fitted to it, and bytes per edge; beside vesin,
matscipy and ASE, which give the same arrays (center, neighbor, image, distance).
"""

import argparse
import dataclasses
import importlib.util
import os
import statistics
import time
import warnings
from collections.abc import Callable, Sequence
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context

os.environ.setdefault("OMP_NUM_THREADS", "1")

import numpy as np
import pandas as pd
import torch

from xtalgraph.crystals.checks import find_problem
from xtalgraph.crystals.cif import read_cif
from xtalgraph.crystals.crystal import Crystal
from xtalgraph.crystals.writing import to_cif
from xtalgraph.data.ionic.load import ionic_perovskites
from xtalgraph.data.table import read_rows
from xtalgraph.graphs.build import build_graph, build_reduced
from xtalgraph.graphs.graph import Graph
from xtalgraph.graphs.strategies import Hybrid, Radius

CUTOFF = 5.0
"""Of the large cell, Å."""
Convert = Callable[[Sequence[str]], object]


def texts_of(table: str | None, count: int) -> list[str]:
    """CIF texts of a table, or of the embedded set."""
    if table is not None:
        return pd.read_csv(table, nrows=count)["cif"].tolist()
    rows = read_rows(ionic_perovskites(count))
    return [to_cif(row.crystal) for row in rows if row.crystal is not None]


def crystals_of(texts: Sequence[str]) -> list[Crystal]:
    """Parse and check."""
    found = []
    for text in texts:
        for entry in read_cif(text):
            assert entry.crystal is not None, entry.reason
            assert find_problem(entry.crystal) is None
            found.append(entry.crystal)
    return found


def full(texts: Sequence[str]) -> Graph:
    """Our graph, every atom and edge."""
    return build_graph(crystals_of(texts), Hybrid())


def reduced(texts: Sequence[str]) -> Graph:
    """Our graph, reduced by symmetry."""
    return build_reduced(crystals_of(texts), Hybrid(), 1e-3)


def with_pymatgen() -> Convert:
    """The way of the original CGCNN code."""
    from pymatgen.core import Structure

    def convert(texts: Sequence[str]) -> list[tuple[torch.Tensor, ...]]:
        graphs = []
        for text in texts:
            structure = Structure.from_str(text, fmt="cif")
            number = torch.tensor([site.specie.number for site in structure])
            nearest = [
                sorted(found, key=lambda n: n[1])[:12] for found in structure.get_all_neighbors(8.0)
            ]
            neighbor = torch.tensor([[n[2] for n in found] for found in nearest])
            distance = torch.tensor([[n[1] for n in found] for found in nearest])
            graphs.append((number, neighbor, distance))
        return graphs

    return convert


def with_matgl() -> Convert:
    """The converter of matgl, radius 5 Å, as its MEGNet reads it."""
    from matgl.ext.pymatgen import Structure2Graph
    from pymatgen.core import Element, Structure

    converter = Structure2Graph(element_types=tuple(e.symbol for e in Element), cutoff=5.0)

    def convert(texts: Sequence[str]) -> list[object]:
        return [converter.get_graph(Structure.from_str(text, fmt="cif")) for text in texts]

    return convert


def with_alignn() -> Convert:
    """The converter of ALIGNN, 12 within 8 Å, with its line graph."""
    from alignn.graphs import Graph as AlignnGraph
    from jarvis.core.atoms import Atoms

    def convert(texts: Sequence[str]) -> list[object]:
        return [
            AlignnGraph.atom_dgl_multigraph(
                Atoms.from_cif(from_string=text, use_cif2cell=False), cutoff=8.0, max_neighbors=12
            )
            for text in texts
        ]

    return convert


EXTERNAL_MODELS: dict[str, tuple[str, Callable[[], Convert], str]] = {
    "pymatgen, 12 in 8 Å": ("pymatgen", with_pymatgen, "pip install pymatgen"),
    "matgl, radius 5 Å": ("matgl", with_matgl, "pip install matgl"),
    "ALIGNN, 12 in 8 Å": ("alignn", with_alignn, "pip install alignn 'dgl<2'"),
}
"""Name, module, maker, how to install."""


def median_of(convert: Callable[[], object], turns: int) -> float:
    """Median seconds of a call."""
    times = []
    for _ in range(turns):
        began = time.perf_counter()
        convert()
        times.append(time.perf_counter() - began)
    return statistics.median(times)


def compare_converters(texts: list[str], turns: int) -> None:
    """Print milliseconds for a crystal and ratios, one process."""
    ways: dict[str, Convert] = {"xtalgraph": full, "xtalgraph, reduced": reduced}
    for name, (module, make, how) in EXTERNAL_MODELS.items():
        if importlib.util.find_spec(module) is None:
            print(f"{name} is not installed and left out: {how}")
        else:
            ways[name] = make()
    for convert in ways.values():
        convert(texts[:5])  # imports and caches
    times: dict[str, list[float]] = {name: [] for name in ways}
    for _ in range(turns):
        for name, convert in ways.items():
            part = texts if name.startswith("xtalgraph") else texts[: max(len(texts) // 4, 20)]
            began = time.perf_counter()
            convert(part)
            times[name].append((time.perf_counter() - began) / len(part))
    ours = statistics.median(times["xtalgraph"])
    print(f"CIF text to graph, {len(texts)} crystals, 1 process, median of {turns}:")
    for name, taken in times.items():
        middle = statistics.median(taken)
        print(
            f"  {name:22s}{1e3 * middle:10.3f} ms a crystal{middle / ours:9.1f} times xtalgraph's"
        )


def compare_processes(texts: list[str], turns: int) -> None:
    """Print what a second process brings; starting the processes is not counted."""
    pieces = [texts[i : i + 64] for i in range(0, len(texts), 64)]
    print(f"with processes, {len(texts)} crystals, reduced, median of {turns}:")
    alone = 0.0
    for workers in (1, 2):
        with ProcessPoolExecutor(workers, get_context("spawn")) as pool:
            list(pool.map(reduced, pieces[:workers]))  # imports
            taken = median_of(lambda pool=pool: list(pool.map(reduced, pieces)), turns)
        alone = alone or taken
        print(
            f"  {workers} process{'es' if workers > 1 else ''}: "
            f"{1e3 * taken / len(texts):.3f} ms a crystal, {alone / taken:.2f} times as fast"
        )


def supercell(atoms: int) -> Crystal:
    """A rattled cubic perovskite with about so many atoms."""
    count, edge = round((atoms / 5) ** (1 / 3)), 3.905
    grid = np.stack(np.meshgrid(*[np.arange(count)] * 3, indexing="ij"), axis=-1).reshape(-1, 1, 3)
    sites = np.array([[0.5, 0.5, 0.5], [0, 0, 0], [0.5, 0, 0], [0, 0.5, 0], [0, 0, 0.5]])
    positions = edge * (grid + sites).reshape(-1, 3)
    positions += np.random.default_rng(0).normal(0, 0.05, positions.shape)
    numbers = np.tile(np.array([38, 22, 8, 8, 8]), count**3)
    return Crystal(edge * count * np.eye(3), positions, numbers, np.ones(3, dtype=bool))


def searches() -> dict[str, tuple[Callable[[Crystal], int], int]]:
    """For each library the search, and the most atoms that it is asked to take."""

    def ours(crystal: Crystal) -> int:
        return len(build_graph(crystal, Radius(CUTOFF)).center)

    found: dict[str, tuple[Callable[[Crystal], int], int]] = {"xtalgraph": (ours, 10**7)}
    if importlib.util.find_spec("vesin") is not None:
        import vesin

        def with_vesin(c: Crystal) -> int:
            pairs = vesin.NeighborList(cutoff=CUTOFF, full_list=True)
            return len(pairs.compute(c.positions, c.cell, True, "ijSd")[0])

        found["vesin"] = (with_vesin, 10**7)
    if importlib.util.find_spec("matscipy") is not None:
        from matscipy.neighbours import neighbour_list

        def with_matscipy(c: Crystal) -> int:
            numbers = c.numbers.astype(np.int32)
            kept = {"cell": c.cell, "pbc": c.pbc, "positions": c.positions, "numbers": numbers}
            return len(neighbour_list("ijSd", cutoff=CUTOFF, **kept)[0])

        found["matscipy"] = (with_matscipy, 10**7)
    if importlib.util.find_spec("ase") is not None:
        from ase.neighborlist import primitive_neighbor_list

        def with_ase(c: Crystal) -> int:
            return len(primitive_neighbor_list("ijSd", c.pbc, c.cell, c.positions, CUTOFF)[0])

        found["ASE"] = (with_ase, 2 * 10**4)
    return found


def bytes_of(graph: Graph) -> int:
    """Bytes of all fields."""
    fields = (getattr(graph, field.name) for field in dataclasses.fields(graph))
    return sum(field.element_size() * field.nelement() for field in fields)


def compare_sizes(sizes: Sequence[int], turns: int) -> None:
    """Print seconds against atoms, and the exponent."""
    ways = searches()
    times: dict[str, list[tuple[int, float]]] = {name: [] for name in ways}
    print(f"one cell, all neighbours within {CUTOFF:g} Å, seconds, median of {turns}:")
    print(f"  {'atoms':>9s}{'edges':>12s}" + "".join(f"{name:>12s}" for name in ways))
    for size in sizes:
        crystal = supercell(size)
        edges, cells = 0, []
        for name, (search, most) in ways.items():
            if len(crystal) > most:
                cells.append(f"{'-':>12s}")
                continue
            edges = search(crystal)
            taken = median_of(lambda s=search, c=crystal: s(c), turns)
            times[name].append((len(crystal), taken))
            cells.append(f"{taken:12.4f}")
        print(f"  {len(crystal):9d}{edges:12d}" + "".join(cells), flush=True)
    for name, taken in times.items():
        atoms, seconds = np.log(np.array(taken)).T
        print(f"  {name}: time ~ atoms^{np.polyfit(atoms, seconds, 1)[0]:.3f}")
    graph = build_graph(supercell(10_000), Radius(CUTOFF))
    print(f"  xtalgraph: {bytes_of(graph) / len(graph.center):.0f} bytes per edge, all fields")


def main() -> None:
    """Run the three parts."""
    parser = argparse.ArgumentParser()
    parser.add_argument("table", nargs="?")
    parser.add_argument("--crystals", type=int, default=400)
    parser.add_argument("--turns", type=int, default=5)
    parser.add_argument("--largest", type=float, default=1e6, help="atoms of the largest cell")
    asked = parser.parse_args()
    torch.set_num_threads(1)
    warnings.simplefilter("ignore")  # pymatgen rounds and says so for each file
    texts = texts_of(asked.table, asked.crystals)
    compare_converters(texts, asked.turns)
    compare_processes(texts * 5, asked.turns)
    sizes = [int(10**e) for e in np.arange(3, np.log10(asked.largest) + 0.01, 0.5)]
    compare_sizes(sizes, min(asked.turns, 3))


if __name__ == "__main__":
    main()
