"""The packed store: time to build, size, batches a second, and memory under a limit.

`python benchmarks/store.py perovskites.csv.gz` builds the graphs of a table (without one, those of
the embedded set) as a store, by one process and by two, and reads one shuffled epoch in batches
of 64 from the store and from the graph in memory, in turns. Beside it stands a training step
of CGCNN on such a batch: what reading takes of it is all that reading ahead could save.

Then the larger store is repeated until it is ten times larger than a limit of memory, its pages
are put out of the page cache, and a process reads shuffled batches from it in a control group of
Linux with that limit, page cache included, which ends a process that needs more. That the
limit is one is shown by loading the whole store in it. This part needs the right to make a
control group (root).
"""

import argparse
import dataclasses
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from itertools import islice
from pathlib import Path

import torch

from xtalgraph.crystals.crystal import Crystal
from xtalgraph.data.fetch import fetch
from xtalgraph.data.store import DOCUMENT, TENSORS, GraphStore, document_digest
from xtalgraph.data.store_building import build_store
from xtalgraph.data.store_packing import join_parts, write_part
from xtalgraph.data.stored_graphs import StoredGraphs
from xtalgraph.data.table import read_table
from xtalgraph.data.targets import Kind, Target
from xtalgraph.graphs.graph import Graph, Scope
from xtalgraph.models.spec import ModelSpec
from xtalgraph.training.examples import Examples, Labels, shuffled_batches

BATCH = 64
TURNS = 5
LIMIT = 512 * 2**20
"""Bytes."""
TIMES = 10
"""How much larger than the limit the store is."""
BATCHES = 400
"""Batches that are read under the limit."""
SPECS = {
    "hybrid, reduced": ("hybrid", 1e-3),
    "radius 5 Å, full": ("radius", 0.0),
}


def spec_of(strategy: str, tolerance: float) -> ModelSpec:
    """CGCNN on the graphs of a strategy."""
    target = Target("y", Kind.EXTENSIVE)
    return ModelSpec("cgcnn", {}, "auto", strategy, {}, (target,), tolerance)


def epoch(source: Graph | GraphStore) -> float:
    """Read all crystals once in a shuffled order; return batches a second."""
    parts = torch.randperm(len(source)).split(BATCH)
    began = time.perf_counter()
    for part in parts:
        source.select(part)
    return len(parts) / (time.perf_counter() - began)


def step(spec: ModelSpec, graph: Graph) -> float:
    """Return the seconds of a training step, forward and backward."""
    model, taken = spec.make_model(), []
    for part in torch.randperm(len(graph)).split(BATCH)[: TURNS * 4]:
        batch = graph.select(part)
        began = time.perf_counter()
        (value,) = model(batch).values.values()
        value.square().sum().backward()
        taken.append(time.perf_counter() - began)
    return statistics.median(taken)


def line(name: str, crystals: Sequence[Crystal], folder: Path) -> GraphStore:
    """Build, read, and print one line of the table."""
    spec = spec_of(*SPECS[name])
    graph_settings, seconds = spec.make_graph_settings(), []
    began = time.perf_counter()
    graph_settings.build(crystals)
    seconds.append(time.perf_counter() - began)
    for workers in (1, 2):
        began = time.perf_counter()
        store = build_store(crystals, graph_settings, folder / f"{name} {workers}", workers=workers)
        seconds.append(time.perf_counter() - began)
    began = time.perf_counter()
    build_store(crystals, graph_settings, folder / f"{name} 2")
    again = time.perf_counter() - began
    graph = store.load()
    rates = [(epoch(store), epoch(graph)) for _ in range(TURNS)]
    disk, memory = (statistics.median(rate) for rate in zip(*rates, strict=True))
    size = (store.folder / TENSORS).stat().st_size
    share = 1 / disk / step(spec, graph)
    print(
        f"| {name} | {' | '.join(f'{one:.1f}' for one in seconds)} | {again:.2f} "
        f"| {size / 1e6:.1f} | {store.bytes_in_memory / 1e6:.1f} | {disk:,.0f} | {memory:,.0f} "
        f"| {share:.1%} |",
        flush=True,
    )
    return store


def repeated(store: GraphStore, folder: Path, size: int) -> GraphStore:
    """Write a store that holds another one again and again, up to a size."""
    folder.mkdir()
    part = folder / "part"
    write_part(part, store.load(), [], {})
    times = -(-size // part.stat().st_size)
    joined = join_parts([part] * times, folder / TENSORS)
    part.unlink()
    document = json.loads((store.folder / DOCUMENT).read_text())
    document |= joined | {"crystals": len(store) * times}
    del document["document_sha256"]
    document["document_sha256"] = document_digest(document)
    (folder / DOCUMENT).write_text(json.dumps(document))
    return GraphStore.open(folder)


def control_group() -> tuple[Path, str] | None:
    """Make a control group with the limit; return it and the name of its highest use."""
    first, second = Path("/sys/fs/cgroup/memory"), Path("/sys/fs/cgroup")
    names = {
        first: ("memory.limit_in_bytes", "memory.max_usage_in_bytes"),
        second: ("memory.max", "memory.peak"),
    }
    for root, (limit, highest) in names.items():
        group = root / f"xtalgraph-{os.getpid()}"
        try:
            group.mkdir()
            (group / limit).write_text(str(LIMIT))
        except OSError:
            continue
        return group, highest
    return None


def child(how: str, folder: Path, small: Path) -> None:
    """Read shuffled batches, or everything, and print how it went."""
    store, original = GraphStore.open(folder), GraphStore.open(small)
    if how == "load":
        store.load()
    rows = {"row": Labels(torch.arange(len(store), dtype=torch.float64), Scope.CRYSTAL)}
    examples = Examples(StoredGraphs.all_of(store), rows)
    batches = shuffled_batches(examples, len(store) // BATCH, seed=0, epoch=0)
    kept = []
    began = time.perf_counter()
    for number, batch in enumerate(islice(batches, BATCHES)):
        kept += [batch] if number % 20 == 0 else []
    rate = BATCHES / (time.perf_counter() - began)
    for batch in kept:
        copied = batch.labels["row"].values.long() % len(original)
        one, other = batch.graph, original.select(copied)
        for field in dataclasses.fields(one):
            assert torch.equal(getattr(one, field.name), getattr(other, field.name))
    status = Path("/proc/self/status").read_text().splitlines()
    memory = {text.split(":")[0]: int(text.split()[1]) / 1024 for text in status if "kB" in text}
    print(json.dumps({"rate": rate, **memory}))


def under_a_limit(store: GraphStore, folder: Path) -> None:
    """Print what reading a store takes that is ten times larger than the limit."""
    made = control_group()
    if made is None:
        print("no limit of memory could be imposed (that takes root on Linux): not measured")
        return
    group, highest = made
    large = repeated(store, folder / "large", TIMES * LIMIT)
    path = large.folder / TENSORS
    size = path.stat().st_size
    print(f"limit {LIMIT / 2**20:.0f} MiB, store {size / 2**20:,.0f} MiB, {len(large):,} crystals")
    enter = f'echo $$ > {group}/cgroup.procs; exec "$0" "$@"'
    for how in ("read", "load"):
        with path.open("rb") as file:
            os.fsync(file.fileno())
            os.posix_fadvise(file.fileno(), 0, 0, os.POSIX_FADV_DONTNEED)
        command = [sys.executable, __file__, "--child", how, str(large.folder), str(store.folder)]
        ended = subprocess.run(
            ["sh", "-c", enter, *command], stdout=subprocess.PIPE, text=True, check=False
        )
        used = int((group / highest).read_text()) / 2**20
        if ended.returncode:
            print(f"{how}: ended by signal {-ended.returncode}, at {used:.0f} MiB")
            continue
        result = json.loads(ended.stdout)
        print(
            f"{how}: {result['rate']:,.0f} batches/s from a cold disk; the group used at most "
            f"{used:.0f} MiB, page cache included; of the process {result['RssAnon']:.0f} MiB are "
            f"its own, resident at most {result['VmHWM']:.0f} MiB with mapped files"
        )
    group.rmdir()


def main() -> None:
    """Print the table, then the limit."""
    arguments = argparse.ArgumentParser(description=__doc__)
    arguments.add_argument("table", nargs="?", help="table of crystals")
    arguments.add_argument("--child", nargs=3, help=argparse.SUPPRESS)
    given = arguments.parse_args()
    torch.set_num_threads(1)
    if given.child:
        child(given.child[0], *map(Path, given.child[1:]))
        return
    crystals = read_table(given.table or fetch("ionic_perovskites", progress=False)).crystals
    print(f"{len(crystals)} crystals, batches of {BATCH}, load {os.getloadavg()[0]:.1f}\n")
    print(
        "| graphs | in memory, s | store, 1 process, s | 2 processes, s | again, s | disk, MB "
        "| memory, MB | batches/s, store | batches/s, memory | of a step |"
    )
    print("|---" * 10 + "|")
    with tempfile.TemporaryDirectory() as name:
        stores = [line(name_of, crystals, Path(name)) for name_of in SPECS]
        print()
        under_a_limit(stores[-1], Path(name))


if __name__ == "__main__":
    main()
