"""A step of dynamics and a step of training, ours and other people's SchNet, in one run by turns.

`python benchmarks/potentials.py --peer-python PEERS/bin/python`, an environment that has graph-pes
and schnetpack (`pip install graph-pes schnetpack`). Each side is a process of its own
(`benchmarks/workers/potential_*.py`) with a SchNet of the same channels, layers, cutoff and number
of Gaussians, random weights and one thread. They take turns. Measured is processor time, since on a
busy machine the other is noise: the median over the turns of the median of a turn, and the median
of the ratios within a turn.

- Dynamics: each package's calculator of ASE, with its skin; all atoms move as at some hundred
  kelvin; energy and forces.
- Training: a batch of frames; squared errors of energies and forces, backward, AdamW's fused step.

matgl has no SchNet.
"""

import argparse
import statistics
import sys
from typing import Any, Final

from ase.build import bulk
from throughput import Worker, WorkerError

SIDES: Final = ("xtalgraph", "graph_pes", "schnetpack")
STEPS: Final = {"md": "dynamics", "train": "training"}


def job_of(asked: argparse.Namespace, precision: str) -> dict[str, Any]:
    """Return what each side gets."""
    atoms = bulk(asked.element, cubic=True).repeat(asked.cells)
    atoms.rattle(0.05, seed=0)
    sizes = {name: getattr(asked, name) for name in ("channels", "layers", "cutoff", "basis")}
    crystal = {
        "numbers": atoms.numbers.tolist(),
        "positions": atoms.positions.tolist(),
        "cell": atoms.cell.array.tolist(),
    }
    others = {"batch": asked.batch, "precision": precision, "threads": asked.threads}
    return crystal | sizes | others | {"crystals": []}


def compare(asked: argparse.Namespace, precision: str) -> bool:
    """Print the steps of all sides; return whether one broke off."""
    job, sides, broken = job_of(asked, precision), [], False
    for name in SIDES:
        python = sys.executable if name == "xtalgraph" else asked.peer_python
        try:
            sides.append(Worker(name, python, f"potential_{name}", job))
        except WorkerError as error:
            print(f"  {error}")
            broken = True
    times: dict[tuple[str, str], list[float]] = {}
    for turn in range(asked.turns + 1):
        for what in STEPS:
            for side in sides:
                taken = side.ask(f"{what} {asked.steps}")
                if turn:  # the first warms up
                    times.setdefault((what, side.label), []).append(taken)
    print(f"{precision}, {len(job['numbers'])} atoms, {asked.batch} frames in a batch:")
    for what, words in STEPS.items():
        ours = times[what, SIDES[0]]
        for side in sides:
            own = times[what, side.label]
            ratio = statistics.median(b / a for a, b in zip(ours, own, strict=True))
            print(
                f"  {words:9s} {side.label:11s} {1e3 * statistics.median(own):8.2f} ms "
                f"{ratio:6.2f} times ours   ({side.size['edges']} edges in the batch, "
                f"{side.size['weights']} weights)"
            )
    for side in sides:
        side.close()
    return broken


def main() -> None:
    """Run both precisions."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--peer-python", default=sys.executable, metavar="PATH")
    parser.add_argument("--element", default="Si")
    parser.add_argument("--cells", type=int, default=2, help="cubic cells along each axis")
    parser.add_argument("--batch", type=int, default=5, help="frames in a batch of training")
    parser.add_argument("--channels", type=int, default=64)
    parser.add_argument("--layers", type=int, default=3)
    parser.add_argument("--cutoff", type=float, default=5.0)
    parser.add_argument("--basis", type=int, default=50, help="Gaussians")
    parser.add_argument("--turns", type=int, default=7)
    parser.add_argument("--steps", type=int, default=20, help="of one turn of one side")
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--precision", action="append", choices=("float32", "float64"))
    asked = parser.parse_args()
    chosen = asked.precision or ["float32", "float64"]
    broken = [compare(asked, precision) for precision in chosen]
    raise SystemExit(any(broken))


if __name__ == "__main__":
    main()
