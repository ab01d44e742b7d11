"""What symmetry reduction saves in atoms, edges and time of a training step, and what it costs.

`python benchmarks/reduction.py perovskites.csv.gz carbon.csv.gz` reads whole tables and prints, for
the radius and the hybrid strategy, mean atoms and edges before and after, and milliseconds for
each crystal. Then full and reduced steps of CGCNN (forward and backward, 128 crystals of the
first table) take turns, and the median ratio is printed. With `--run RUN` the predictions of a
trained model are compared with and without the reduction, at several tolerances.
"""

import argparse
import dataclasses
import statistics
import time

import numpy as np
import torch

from xtalgraph.crystals.crystal import Crystal
from xtalgraph.data.fetch import fetch
from xtalgraph.data.table import read_table
from xtalgraph.data.targets import Kind, Target
from xtalgraph.graphs.build import build_graph
from xtalgraph.graphs.graph import Graph, collate
from xtalgraph.graphs.reduction import DEFAULT_TOLERANCE, reduce_graph
from xtalgraph.graphs.strategies import Hybrid, Radius, Strategy
from xtalgraph.models.model import Model
from xtalgraph.models.predictor import Predictor
from xtalgraph.models.spec import ModelSpec

BATCH = 128
PART = 512
TURNS = 15
TOLERANCES = (1e-4, 1e-3, 1e-2, 3e-2)


def sizes(name: str, crystals: list[Crystal], strategy: Strategy) -> None:
    """Print one line of the table of sizes."""
    building = reducing = 0.0
    full, reduced = [], []
    for start in range(0, len(crystals), PART):
        began = time.perf_counter()
        graph = build_graph(crystals[start : start + PART], strategy)
        built = time.perf_counter()
        reduced.append(reduce_graph(graph))
        reducing += time.perf_counter() - built
        building += built - began
        full.append((len(graph.number), len(graph.center)))
    small = collate(reduced)
    atoms, edges = np.sum(full, axis=0) / len(crystals)
    print(
        f"| {name} | {strategy.name} | {atoms:.1f} | {len(small.number) / len(small):.1f} "
        f"| {edges:.1f} | {len(small.center) / len(small):.1f} "
        f"| {building / len(crystals) * 1e3:.3f} | {reducing / len(crystals) * 1e3:.3f} |"
    )


def step(model: Model, packed: Graph) -> float:
    """Select a batch, as the training loop does, go forward and backward; return the seconds."""
    began = time.perf_counter()
    (value,) = model(packed.select(torch.arange(BATCH))).values.values()
    value.square().sum().backward()
    return time.perf_counter() - began


def steps(crystals: list[Crystal], strategy: str) -> None:
    """Print the time of a training step, full and reduced."""
    spec = ModelSpec("cgcnn", {}, "auto", strategy, {}, (Target("y", Kind.EXTENSIVE),))
    reducing = dataclasses.replace(spec, reduction_tolerance=DEFAULT_TOLERANCE)
    model = spec.make_model()
    full, reduced = (s.make_graph(crystals[:BATCH]) for s in (spec, reducing))
    taken = [(step(model, full), step(model, reduced)) for _ in range(TURNS + 3)][3:]
    one, other = (statistics.median(part) * 1e3 for part in zip(*taken, strict=True))
    ratio = statistics.median(a / b for a, b in taken)
    print(f"{strategy}: step: full {one:.1f} ms, reduced {other:.1f} ms, {ratio:.2f} times faster")


def costs(run: str, crystals: list[Crystal]) -> None:
    """Print by how much the reduction changes the predictions of a trained model."""
    predictor = Predictor.load(run)

    def predicted(tolerance: float) -> np.ndarray:
        spec = dataclasses.replace(predictor.spec, reduction_tolerance=tolerance)
        found = predictor.with_graphs(spec).predict_crystals(crystals)
        return np.concatenate(list(found.predictions.values.arrays.values()))

    exact = predicted(0.0)
    print(f"{predictor}: {len(crystals)} crystals, |reduced − full|")
    for tolerance in TOLERANCES:
        moved = np.abs(predicted(tolerance) - exact)
        print(f"| {tolerance:g} | {moved.mean():.2e} | {moved.max():.2e} |")


def main() -> None:
    """Print the tables."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("tables", nargs="*", help="by default the embedded set")
    parser.add_argument("--run", help="run folder of a model for the crystals of the first table")
    chosen = parser.parse_args()
    torch.set_num_threads(1)
    paths = chosen.tables or [str(fetch("ionic_perovskites"))]
    tables = {path: list(read_table(path).crystals) for path in paths}
    print("| set | strategy | atoms | reduced | edges | reduced | build, ms | reduce, ms |")
    print("|---|---|---|---|---|---|---|---|")
    for path, crystals in tables.items():
        for strategy in (Radius(5.0), Hybrid()):
            sizes(path.rpartition("/")[2], crystals, strategy)
    first = next(iter(tables.values()))
    for name in ("radius", "hybrid"):
        steps(first, name)
    if chosen.run:
        costs(chosen.run, first)


if __name__ == "__main__":
    main()
