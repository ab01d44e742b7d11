"""Energies of crystals as they are, beside what a table says of them."""

import json
import math
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, Final

import numpy as np
import pandas as pd

from xtalgraph.conventions.choices import Device
from xtalgraph.conventions.errors import ConfigError, InputError
from xtalgraph.conventions.files import write_atomically
from xtalgraph.conventions.settings import checks_arguments
from xtalgraph.crystals.convert import to_ase, to_pymatgen
from xtalgraph.crystals.crystal import Crystal
from xtalgraph.data.row import Row
from xtalgraph.data.sources.columns import same_column
from xtalgraph.simulation.calculator import Precision
from xtalgraph.workflows.calculator import potential_named
from xtalgraph.workflows.simulation_folder import Simulated, SimulationFolder, incoming

TABLE: Final = "crystals.csv"
"""What was read, with the energies."""
_COMPUTED: Final = ("energy", "energy_per_atom")


@checks_arguments
def energies(
    potential: Any,
    sources: Any,
    *,
    out: str | Path,
    column: str = "energy_per_atom",
    precision: Precision = "float64",
    device: Device = "cpu",
    progress: bool = True,
) -> Simulated:
    """Compute the energies of crystals as they are, and write them beside what is known of these.

    ``crystals.csv`` has the columns of the sources, the structures as JSON, and the energy per atom
    in eV. `xtalgraph.train` and `xtalgraph.predict` read it, and a model can learn the difference
    from that energy. ``energies.csv`` also has the total energy, eV, and in the column ``error``
    why a row has none.

    Args:
        potential: A run folder, a calculator of ASE, or the name of what is or makes one.
        sources: Crystals: a file, folder or table, or several.
        out: Folder to write; results of the same settings in it are kept.
        column: Name of the energy per atom in ``crystals.csv``.
        precision: Of the computation, with a run.
        device: Device to compute on.
        progress: Show a progress bar on standard error.

    Returns:
        Where ``energies.csv`` is, and ``crystals.csv`` as its page.

    Raises:
        RunError: If the run is no potential, or the folder holds results of other settings.
        ConfigError: If the sources have a column of that name.
        Stopped: On SIGTERM or Ctrl-C; what was computed is kept.
    """
    first = next(incoming(sources), None)
    if first is not None:
        _check_column(column, first)
    calculator = potential_named(potential, precision, device)
    settings = {"potential": potential, "precision": precision}
    folder = SimulationFolder(Path(out), "energies.csv", _COMPUTED, settings)

    def compute(name: str, crystal: Crystal) -> Mapping[str, Any]:
        atoms = to_ase(crystal)
        atoms.calc = calculator
        energy = float(atoms.get_potential_energy())
        if not math.isfinite(energy):
            raise InputError(f"its energy is not finite, got {energy}")
        return {"energy": energy, "energy_per_atom": energy / len(atoms)}

    def join(out: Path, computed: list[dict[str, str]]) -> Path:
        table = pd.DataFrame(list(_joined(incoming(sources), computed, column)))
        write_atomically(out / TABLE, table.to_csv(index=False, lineterminator="\n"))
        return out / TABLE

    return folder.fill(sources, compute, join, label="energies", progress=progress)


def _joined(
    rows: Iterable[Row], computed: Sequence[Mapping[str, str]], column: str
) -> Iterator[dict[str, Any]]:
    """Yield rows of the sources with their crystals as text and their energies.

    A row whose id stands for an earlier one has none.
    """
    energies = {row["id"]: row["energy_per_atom"] for row in reversed(computed)}
    for row in rows:
        _check_column(column, row)
        known = {
            name: _as_text(value)
            for name, value in row.values.items()
            if not (same_column(name, "id") or same_column(name, "structure"))
        }
        crystal = row.crystal
        text = None if crystal is None else json.dumps(to_pymatgen(crystal).as_dict(verbosity=0))
        yield {"id": row.id, **known, column: energies.pop(row.id, ""), "structure": text}


def _check_column(column: str, row: Row) -> None:
    for name in ("id", "structure", *row.values):
        if same_column(column, name):
            raise ConfigError(
                f"there is a column {name!r} already ({row.file or row.id}): choose another "
                "--column for the energy"
            )


def _as_text(value: object) -> object:
    """Return what a cell holds: lists and arrays as JSON."""
    if isinstance(value, np.ndarray | list | tuple | dict):
        return json.dumps(value, default=_plain)
    return value


def _plain(value: Any) -> Any:
    """Return an array or a number of numpy as Python has it, anything else as text."""
    return value.tolist() if isinstance(value, np.ndarray | np.generic) else str(value)
