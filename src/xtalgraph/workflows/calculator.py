"""A trained potential as a calculator of ASE, from its run folder."""

from pathlib import Path

from xtalgraph.conventions.choices import Device
from xtalgraph.simulation.calculator import PotentialCalculator, Precision
from xtalgraph.simulation.neighbor_list import SKIN
from xtalgraph.workflows.run import Run


def calculator(
    run: str | Path,
    *,
    precision: Precision = "float64",
    device: Device = "cpu",
    skin: float = SKIN,
) -> PotentialCalculator:
    """Return the potential of a run as a calculator of ASE.

    Args:
        run: A run folder.
        precision: ``float64`` where energies are compared or relaxed, ``float32`` for speed.
        device: Where to compute.
        skin: How far beyond the cutoff neighbours are searched, Å.

    Raises:
        RunError: If the run is not finished, or its model is no potential.
        ConfigError: If there is no such device here.
    """
    predictor = Run.open(run).predictor
    return PotentialCalculator(predictor, precision=precision, device=device, skin=skin)
