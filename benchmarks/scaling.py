"""Cost of every encoder against atoms and against edges: seconds of a step, and the exponent.

Run it on a quiet machine: `python benchmarks/scaling.py`. One process, one thread. The crystal is a
rattled cubic perovskite, which symmetry does not reduce, in cells from one formula to 10⁵ atoms
with the 12 nearest neighbours of each; then a cell of 1,715 atoms with 8 to 128 neighbours of each
within the same 8 Å, since a longer cutoff makes more functions of the distance, too. The models are
narrow, which changes the cost of an edge and not how it grows. Inference, and training
(forward, backward, AdamW), the best of the turns; at last one fit for each encoder through all
sizes, and one through those where the step takes over `FIXED` seconds, so that what every step
costs, however small, does not flatter it.
"""

import argparse
import dataclasses
import os
import time
from collections.abc import Callable, Sequence
from typing import Any, Final

os.environ.setdefault("OMP_NUM_THREADS", "1")

import numpy as np
import torch

from xtalgraph.crystals.crystal import Crystal
from xtalgraph.data.targets import Kind, Target
from xtalgraph.graphs.strategies import parse_strategy
from xtalgraph.models.registry import ENCODERS
from xtalgraph.models.spec import ModelSpec
from xtalgraph.workflows.freed_memory import keep_freed_memory

SMALL: Final[dict[str, Any]] = {
    "width": 8,
    "edge_width": 8,
    "hidden": 8,
    "filters": 8,
    "depth": 2,
    "alignn_layers": 1,
    "gcn_layers": 1,
    "angle_depth": 2,
    "angle_width": 4,
    "angle_neighbors": 4,
}
"""Settings that a model gets where it has one of that name."""
FIXED: Final = 0.02
"""A step that takes longer is not governed by what a step of any size costs, s."""
REPEATED: Final = 0.3
"""Steps are repeated for this long, s."""


def supercell(cells: int) -> Crystal:
    """A rattled cubic perovskite, so many cells along each axis."""
    edge = 3.905
    grid = np.stack(np.meshgrid(*[np.arange(cells)] * 3, indexing="ij"), axis=-1).reshape(-1, 1, 3)
    sites = np.array([[0.5, 0.5, 0.5], [0, 0, 0], [0.5, 0, 0], [0, 0.5, 0], [0, 0, 0.5]])
    positions = edge * (grid + sites).reshape(-1, 3)
    positions += np.random.default_rng(0).normal(0, 0.05, positions.shape)
    numbers = np.tile(np.array([38, 22, 8, 8, 8]), cells**3)
    return Crystal(edge * cells * np.eye(3), positions, numbers, np.ones(3, dtype=bool))


def spec_of(encoder: str, graph: str) -> ModelSpec:
    """A narrow model of a name."""
    strategy = parse_strategy(graph)
    known = {field.name for field in dataclasses.fields(ENCODERS[encoder].Config)}
    return ModelSpec(
        encoder=encoder,
        settings={name: value for name, value in SMALL.items() if name in known},
        readout="auto",
        strategy=strategy.name,
        strategy_settings=dataclasses.asdict(strategy),
        targets=(Target("y", Kind.INTENSIVE),),
    )


def best_of(call: Callable[[], object], clock: Callable[[], float]) -> float:
    """Least seconds of a call, repeated for `REPEATED` seconds, at least three times."""
    times: list[float] = []
    end = time.perf_counter() + REPEATED
    while len(times) < 3 or time.perf_counter() < end:
        began = clock()
        call()
        times.append(clock() - began)
    return min(times)


def cost_of(
    spec: ModelSpec, crystal: Crystal, clock: Callable[[], float]
) -> tuple[int, int, float, float]:
    """Return atoms, edges, seconds of an inference and of a step of training."""
    graph = spec.make_graph(crystal)
    torch.manual_seed(0)
    model = spec.make_model()
    optimizer = torch.optim.AdamW(model.parameters(), fused=True)

    @torch.no_grad()
    def infer() -> None:
        model.eval()(graph)

    def train() -> None:
        model.train()
        optimizer.zero_grad(set_to_none=True)
        model(graph).values["y"].square().mean().backward()
        optimizer.step()

    inference = best_of(infer, clock)
    return len(graph.number), len(graph.center), inference, best_of(train, clock)


def exponent(amounts: Sequence[float], seconds: Sequence[float]) -> str:
    """Slope of the seconds against the amounts, both as logarithms."""
    if len(amounts) < 2:
        return "-"
    return f"{np.polyfit(np.log(amounts), np.log(seconds), 1)[0]:.3f}"


def show(
    encoder: str, what: str, tasks: Sequence[tuple[str, Crystal]], clock: Callable[[], float]
) -> None:
    """Print the cost of each task, and the exponents."""
    column = {"atoms": 0, "edges": 1}[what]
    rows = [cost_of(spec_of(encoder, graph), crystal, clock) for graph, crystal in tasks]
    print(f"{encoder}, against {what}:")
    for atoms, edges, inference, training in rows:
        print(
            f"  {atoms:8d} atoms {edges:9d} edges  inference {1e3 * inference:10.2f} ms"
            f"  training {1e3 * training:10.2f} ms"
        )
    for word, place in (("inference", 2), ("training", 3)):
        every = [(row[column], row[place]) for row in rows]
        large = [(amount, seconds) for amount, seconds in every if seconds > FIXED]
        print(
            f"  {word} ~ {what}^{exponent(*zip(*every, strict=True))} over all, "
            f"^{exponent(*zip(*large, strict=True)) if large else '-'} over {FIXED:g} s"
        )
    print(flush=True)


def main() -> None:
    """Run every encoder."""
    parser = argparse.ArgumentParser()
    parser.add_argument("encoders", nargs="*", help="all of the registry if none is named")
    parser.add_argument("--largest", type=float, default=1e5, help="atoms of the largest cell")
    parser.add_argument("--clock", choices=("wall", "cpu"), default="wall")
    parser.add_argument(
        "--return-memory", action="store_true", help="as Python scripts, unlike the commands"
    )
    asked = parser.parse_args()
    if not asked.return_memory:
        keep_freed_memory()
    torch.set_num_threads(1)
    clock = {"wall": time.perf_counter, "cpu": time.process_time}[asked.clock]
    steps = np.arange(1, np.log10(asked.largest) + 0.01, 0.5)
    cells = sorted({max(1, round((10**step / 5) ** (1 / 3))) for step in steps})
    by_atoms = [("hybrid:12:8", supercell(count)) for count in cells]
    by_edges = [(f"hybrid:{k}:8", supercell(7)) for k in (8, 16, 32, 64, 128)]
    for encoder in asked.encoders or ENCODERS:
        show(encoder, "atoms", by_atoms, clock)
        show(encoder, "edges", by_edges, clock)


if __name__ == "__main__":
    main()
