"""Crystals per second of our encoders and of other people's, in one run, taking turns.

Run it on a quiet machine, with a table whose column `cif` is read: `python benchmarks/throughput.py
perovskites.csv.gz`; without one it takes the embedded rigid-ion perovskites. Each side is a process
of its own (`benchmarks/workers/`) with the same crystals in one batch and two threads; they take
turns, each for half a second, and wait meanwhile. A step of training is forward, mean absolute
error, backward and AdamW's fused step; the batch is made before it. Each side runs as its users run
it: ours keeps the memory that it has freed, as `xtalgraph train` and `predict` do. Printed are
medians over the turns, and the median of the ratios within a turn.

- CGCNN against PyTorch Geometric's `CGConv`, 64 wide, 3 convolutions, 12 within 8 Å.
- MEGNet against matgl's, the widths of the paper, 3 blocks; matgl's graph is a radius of 5 Å, ours
  is the one that we train on, and the same radius.
- ALIGNN against its authors' code on DGL, 4 + 4 layers 256 wide and 2 + 2 layers 64 wide, 12 within
  8 Å and every angle between them.
- The other encoders of the registry, alone; GemNet, which reads no reduced graph, on full ones.

A peer is looked for in this environment and in those of `--peer-python`; where there is none, the
command that installs it is printed. At last, for our encoders, what a step does and the time that
this machine would need at its own rates for matrix products, copies and exponentials.

Where others compute on the same machine two threads wait for each other, and nothing that is
measured means anything; `--threads 1 --clock cpu` takes the processor time of one thread, whose
ratios hold nearly as well there.
"""

import argparse
import importlib.util
import json
import statistics
import subprocess
import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

import pandas as pd

from xtalgraph.crystals.cif import read_cif
from xtalgraph.crystals.crystal import Crystal
from xtalgraph.data.ionic.load import ionic_perovskites
from xtalgraph.data.table import read_rows
from xtalgraph.data.targets import Kind, Target
from xtalgraph.graphs.build import build_graph
from xtalgraph.graphs.reduction import DEFAULT_TOLERANCE
from xtalgraph.graphs.strategies import Hybrid
from xtalgraph.models.registry import ENCODERS
from xtalgraph.models.requirements import why_not_reduced

WORKERS: Final = Path(__file__).parent / "workers"
HYBRID: Final = "hybrid:12:8"
SHOWN: Final = {"train": "training", "infer": "inference"}


@dataclass(frozen=True)
class ExternalModel:
    """Other people's code."""

    name: str
    worker: str
    """Its file in `workers/`."""
    modules: tuple[str, ...]
    """What must be importable."""
    install: str


@dataclass(frozen=True)
class Contest:
    """One encoder of ours beside one peer."""

    title: str
    encoder: str
    crystals: int
    """Of the batch: fewer where a step would take seconds."""
    settings: dict[str, Any] = field(default_factory=dict)
    graphs: tuple[str, ...] = (HYBRID,)
    external: ExternalModel | None = None
    external_settings: dict[str, Any] = field(default_factory=dict)


PYG = ExternalModel("PyG CGConv", "pyg_cgconv", ("torch_geometric",), "pip install torch_geometric")
MATGL = ExternalModel(
    "matgl MEGNet", "matgl_megnet", ("matgl",), "pip install matgl torch_geometric"
)
DGL = ExternalModel(
    "ALIGNN, authors' code",
    "alignn_dgl",
    ("alignn", "dgl"),
    "in an environment of its own, Python 3.11: pip install alignn 'dgl<2' torch==2.13.0",
)
EVERY_ANGLE: Final = {"angle_cutoff": 8.0, "angle_neighbors": 12}


def _alignn(layers: int, width: int, crystals: int) -> Contest:
    depth = {"alignn_layers": layers, "gcn_layers": layers}
    return Contest(
        f"ALIGNN, {layers} + {layers} layers, {width} wide",
        "alignn",
        crystals,
        settings=depth | {"width": width} | EVERY_ANGLE,
        external=DGL,
        external_settings=depth | {"hidden_features": width},
    )


CONTESTS: Final = (
    Contest(
        "CGCNN, 3 layers, 64 wide",
        "cgcnn",
        256,
        settings={"width": 64, "depth": 3},
        external=PYG,
        external_settings={"width": 64, "depth": 3},
    ),
    Contest(
        "MEGNet, 3 blocks, widths of the paper",
        "megnet",
        256,
        graphs=(HYBRID, "radius:5"),
        external=MATGL,
        external_settings={"cutoff": 5.0},
    ),
    _alignn(4, 256, 16),
    _alignn(2, 64, 128),
    Contest("GemNet, quadruplets", "gemnet", 16),
)


class WorkerError(Exception):
    """A side broke off; the message says which, and its last words."""


class Worker:
    """A process that takes its turn when told to.

    Args:
        label: In the table.
        python: The interpreter.
        script: Its file in `workers/`.
        job: What it gets.
    """

    def __init__(self, label: str, python: str, script: str, job: dict[str, Any]) -> None:
        self.label = label
        self.crystals = len(job["crystals"])
        self.ours = script == "xtalgraph_model"
        self.process = subprocess.Popen(
            [python, "-W", "ignore", str(WORKERS / f"{script}.py")],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        self.size: str = self.ask(json.dumps(job))

    def ask(self, line: str) -> Any:
        """Send a line, and return the answer."""
        assert self.process.stdin is not None
        assert self.process.stdout is not None
        try:
            self.process.stdin.write(line + "\n")
            self.process.stdin.flush()
            answer = self.process.stdout.readline()
        except BrokenPipeError:
            answer = ""
        if not answer:
            errors = self.process.communicate()[1]
            last = (errors.strip().splitlines() or ["without a word"])[-1]
            raise WorkerError(f"{self.label} ended: {last}")
        return json.loads(answer)

    def close(self) -> None:
        """End it."""
        self.process.communicate()


def crystals_of(table: str | None, count: int) -> Iterator[Crystal]:
    """Read crystals from a table, or make the embedded set."""
    if table is None:
        for row in read_rows(ionic_perovskites(count)):
            if row.crystal is not None:
                yield row.crystal
        return
    for text in pd.read_csv(table, nrows=count)["cif"]:
        for entry in read_cif(text):
            if entry.crystal is not None:
                yield entry.crystal


def job_of(crystals: Sequence[Crystal], asked: argparse.Namespace) -> dict[str, Any]:
    """Write crystals as plain values."""
    plain = [
        {key: getattr(crystal, key).tolist() for key in ("cell", "positions", "numbers")}
        for crystal in crystals
    ]
    options = {key: getattr(asked, key) for key in ("threads", "clock", "return_memory")}
    return {"crystals": plain} | options


def interpreter_for(external: ExternalModel, others: Sequence[str]) -> str | None:
    """Return a Python that has the peer; None if there is none."""
    if all(importlib.util.find_spec(module) is not None for module in external.modules):
        return sys.executable
    test = (
        "import importlib.util, sys; "
        f"sys.exit(any(importlib.util.find_spec(m) is None for m in {external.modules!r}))"
    )
    for python in others:
        if subprocess.run([python, "-c", test], check=False).returncode == 0:
            return python
    return None


def start(contest: Contest, crystals: Sequence[Crystal], asked: argparse.Namespace) -> list[Worker]:
    """Start the sides of a contest, our own first."""
    job = job_of(crystals, asked)
    sides = []
    reason = why_not_reduced(ENCODERS[contest.encoder], Target("y", Kind.INTENSIVE))
    if reason:
        print(f"  full graphs alone: {reason}")
    settings = {"encoder": contest.encoder, "settings": contest.settings}
    for graph in contest.graphs:
        for tolerance, word in ((DEFAULT_TOLERANCE, "reduced"), (0.0, "full")):
            if tolerance and reason:
                continue
            more = settings | {"strategy": graph, "reduction_tolerance": tolerance}
            label = f"ours, {graph}, {word}"
            sides.append(Worker(label, sys.executable, "xtalgraph_model", job | more))
    external = contest.external
    if external is None:
        return sides
    python = interpreter_for(external, asked.peer_python)
    if python is None:
        print(f"  {external.name} is not installed and left out: {external.install}")
        return sides
    graph = build_graph(crystals, Hybrid())
    plain = {key: getattr(graph, key).tolist() for key in ("number", "center", "neighbor")}
    plain["distance"] = graph.distance.tolist()
    more = {"settings": contest.external_settings, "graph": plain}
    try:
        return [*sides, Worker(external.name, python, external.worker, job | more)]
    except WorkerError as error:
        print(f"  {error}; it is left out. Does it work? {external.install}")
        return sides


def take_turns(sides: Sequence[Worker], asked: argparse.Namespace) -> None:
    """Print crystals per second of each side, and ratios to the last, the peer."""
    against = sides[-1] if not sides[-1].ours else sides[0]
    times = {(side, what): [] for side in sides for what in SHOWN}
    for turn in range(asked.turns + 1):
        for what in SHOWN:
            for side in sides:
                taken = side.ask(f"{what} {asked.seconds}")
                if turn > 0:  # the first warms up
                    times[side, what].append(taken)
    for side in sides:
        print(f"  {side.label}: {side.size}")
    for what, word in SHOWN.items():
        print(f"  {word}:")
        for side in sides:
            speed = side.crystals / statistics.median(times[side, what])
            ratio = statistics.median(
                theirs / own
                for theirs, own in zip(times[against, what], times[side, what], strict=True)
            )
            print(f"    {side.label:36s}{speed:10.0f} crystals/s{ratio:9.2f} times {against.label}")


def show_roofline(side: Worker, asked: argparse.Namespace) -> None:
    """Print what our step does and the time that this machine's rates give for it."""
    work = side.ask("work")
    rates = work["rates"]
    kinds = ("flops", "bytes", "functions")
    alone = [work[kind] / rates[kind] for kind in kinds]
    bound = sum(
        max(amount / rates[kind] for amount, kind in zip(call, kinds, strict=True))
        for call in work["calls"]
    )
    taken = statistics.median(side.ask(f"train {asked.seconds}") for _ in range(3))
    print(
        f"    {side.label:30s}{len(work['calls']):5d} operations: "
        f"{work['flops'] / 1e9:7.3f} GFLOP at {rates['flops'] / 1e9:5.0f} GFLOP/s, "
        f"{work['bytes'] / 1e9:6.3f} GB at {rates['bytes'] / 1e9:4.0f} GB/s, "
        f"{work['functions'] / 1e6:5.1f} M functions at {rates['functions'] / 1e9:5.2f} G/s: "
        + " / ".join(f"{1e3 * seconds:.1f}" for seconds in alone)
        + f" ms, operation by operation {1e3 * bound:.1f} ms; "
        f"taken {1e3 * taken:.1f} ms, {bound / taken:.0%} of the roofline"
    )


def main() -> None:
    """Run every contest."""
    parser = argparse.ArgumentParser()
    parser.add_argument("table", nargs="?")
    parser.add_argument("--peer-python", action="append", default=[], metavar="PATH")
    parser.add_argument("--only", action="append", choices=sorted(ENCODERS))
    parser.add_argument("--turns", type=int, default=7)
    parser.add_argument("--seconds", type=float, default=0.5, help="of one turn of one side")
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--clock", choices=("wall", "cpu"), default="wall")
    parser.add_argument(
        "--return-memory", action="store_true", help="do not keep what our side has freed"
    )
    asked = parser.parse_args()
    if asked.table is not None and not Path(asked.table).is_file():
        parser.error(f"there is no table {asked.table}; without one the embedded set is taken")
    known = {contest.encoder for contest in CONTESTS}
    alone = [Contest(name, name, 256) for name in ENCODERS if name not in known]
    broken = False
    for contest in (*CONTESTS, *alone):
        if asked.only and contest.encoder not in asked.only:
            continue
        crystals = list(crystals_of(asked.table, contest.crystals))
        print(f"{contest.title}: {len(crystals)} crystals, {asked.threads} threads", flush=True)
        try:
            run(contest, crystals, asked)
        except WorkerError as error:
            print(f"  {error}")
            broken = True
        print(flush=True)
    raise SystemExit(broken)


def run(contest: Contest, crystals: Sequence[Crystal], asked: argparse.Namespace) -> None:
    """Measure one contest."""
    sides = start(contest, crystals, asked)
    take_turns(sides, asked)
    print("  roofline of a training step:")
    for side in sides:
        if side.ours:
            show_roofline(side, asked)
        side.close()


if __name__ == "__main__":
    main()
