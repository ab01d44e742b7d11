"""An encoder of xtalgraph as a potential: its calculator with the skin, and its loss.

It is SchNet, or the `encoder` of the job with its `settings`.
"""

import sys
from pathlib import Path
from typing import Any

import torch

sys.path.insert(0, str(Path(__file__).parents[2] / "src"))  # this tree, whatever is installed

from moving import Potential, atoms_of, serve

from xtalgraph.crystals.convert import from_ase
from xtalgraph.data.potential_targets import energy_target, forces_target
from xtalgraph.models.predictor import Predictor
from xtalgraph.models.spec import ModelSpec
from xtalgraph.nn.determinism import deterministic
from xtalgraph.simulation.calculator import PotentialCalculator
from xtalgraph.workflows.freed_memory import keep_freed_memory


def make(job: dict[str, Any]) -> Potential:
    """Make the potential and its batch."""
    keep_freed_memory()
    size = {"width": job["channels"], "filters": job["channels"], "depth": job["layers"]}
    size |= {"basis_step": job["cutoff"] / (job["basis"] - 1), "envelope": "polynomial"}
    targets = (energy_target(), forces_target())
    size, encoder = job.get("settings", size), job.get("encoder", "schnet")
    spec = ModelSpec(encoder, size, "auto", "radius", {"cutoff": job["cutoff"]}, targets)
    model = spec.make_model()
    crystal = from_ase(atoms_of(job))
    batch = spec.make_graph([crystal] * job["batch"])
    predictor = Predictor([model], spec, sorted(set(atoms_of(job).get_chemical_symbols())))
    precision = job["precision"]
    trained = model.train() if precision == "float32" else model.double().train()

    def predict() -> dict[str, torch.Tensor]:
        return dict(trained(batch.replace()).values)  # as a new batch: nothing is kept

    calculator = PotentialCalculator(predictor, precision=precision)
    return Potential(trained, calculator, predict, len(batch.center))


if __name__ == "__main__":
    with deterministic(torch.get_num_threads()):  # as the commands run
        serve(make)
