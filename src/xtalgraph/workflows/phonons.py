"""Compute the phonons of crystals with a potential."""

from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any, Final

import numpy as np
import pandas as pd

from xtalgraph.conventions.choices import Device
from xtalgraph.conventions.errors import InputError
from xtalgraph.conventions.extras import import_extra
from xtalgraph.conventions.files import make_folder, write_atomically
from xtalgraph.conventions.ranges import Range
from xtalgraph.conventions.settings import checks_arguments
from xtalgraph.crystals.crystal import Crystal
from xtalgraph.evidence.pages.simulation import write_phonons_page
from xtalgraph.simulation.calculator import Precision
from xtalgraph.simulation.phonons import Phonons
from xtalgraph.simulation.phonons import phonons as phonons_of
from xtalgraph.simulation.relaxation import relax
from xtalgraph.workflows.calculator import potential_named
from xtalgraph.workflows.simulation_folder import Simulated, SimulationFolder, file_name

_COLUMNS: Final = (
    *("space_group", "atoms", "supercell", "displacements", "lowest", "highest", "imaginary"),
    *("stable", "sum_rule", "zero_point", "free_energy_300", "entropy_300", "heat_capacity_300"),
    "files",
)
_ROOM: Final = 300.0


@checks_arguments
def phonons(
    potential: Any,
    sources: Any,
    *,
    out: str | Path,
    length: Annotated[float, Range(1, 200, "Å")] = 12.0,
    displacement: Annotated[float, Range(1e-5, 0.5, "Å")] = 0.01,
    hottest: Annotated[float, Range(300, 1e5, "K")] = 1000.0,
    as_given: bool = False,
    precision: Precision = "float64",
    device: Device = "cpu",
    progress: bool = True,
) -> Simulated:
    """Compute phonons: bands along the path of the space group, density of states, heat capacity.

    Each crystal is relaxed first, atoms and cell. Frequencies are in THz, imaginary ones negative.

    Args:
        potential: A run folder, a calculator of ASE, or the name of what is or makes one.
        sources: Crystals: a file, folder or table, or several.
        out: Folder to write; results of the same settings in it are kept.
        length: Smallest distance between opposite faces of the supercell, Å.
        displacement: Length of the displacement of an atom, Å.
        hottest: Highest temperature for heat capacity and free energy, K.
        as_given: Do not relax the crystals first.
        precision: Of the computation, with a run.
        device: Device to compute on.
        progress: Show a progress bar on standard error.

    Returns:
        Where the table ``phonons.csv`` is; bands, density of states and temperatures of each
        crystal are in the folder that the column ``files`` names, with a file for phonopy.

    Raises:
        MissingExtraError: If phonopy or seekpath is not installed.
        RunError: If the run is no potential, or the folder holds results of other settings.
        ConfigError: If a setting is out of its range.
        Stopped: On SIGTERM or Ctrl-C; what was computed is kept.
    """
    for library in ("phonopy", "seekpath"):
        import_extra(library)
    calculator = potential_named(potential, precision, device)
    settings = {
        "potential": potential,
        "length": length,
        "displacement": displacement,
        "hottest": hottest,
        "as_given": as_given,
        "precision": precision,
    }
    folder = SimulationFolder(Path(out), "phonons.csv", _COLUMNS, settings)

    def compute(name: str, crystal: Crystal) -> Mapping[str, Any]:
        if not as_given:
            relaxed = relax(crystal, calculator, force=1e-3, stress=1e-5)
            if not relaxed.converged:
                raise InputError(f"not relaxed: {relaxed.reason}; --as-given takes it as it is")
            crystal = relaxed.crystal
        phonons = phonons_of(
            crystal, calculator, length=length, displacement=displacement, hottest=hottest
        )
        files = Path("phonons") / file_name(name)
        _write_numbers(folder.folder / files, phonons)
        return {**_row(phonons), "files": files.as_posix()}

    return folder.fill(sources, compute, write_phonons_page, label="phonons", progress=progress)


def _row(phonons: Phonons) -> dict[str, Any]:
    def at_room(values: np.ndarray) -> float:
        return float(np.interp(_ROOM, phonons.temperature, values))

    kept = ("space_group", "displacements", "lowest", "highest", "imaginary", "sum_rule")
    return {
        **{column: getattr(phonons, column) for column in kept},
        "atoms": len(phonons.primitive),
        "supercell": "x".join(str(n) for n in phonons.repeats),
        "stable": phonons.is_stable,
        "zero_point": float(phonons.free_energy[0]),
        "free_energy_300": at_room(phonons.free_energy),
        "entropy_300": at_room(phonons.entropy),
        "heat_capacity_300": at_room(phonons.heat_capacity),
    }


def _write_numbers(folder: Path, phonons: Phonons) -> None:
    """Write tables with the unit of each number in the name of its column."""
    make_folder(folder)
    bands = []
    for number, segment in enumerate(phonons.path):
        part = pd.DataFrame(segment.vectors, columns=["q1", "q2", "q3"])
        part.insert(0, "segment", number)
        part.insert(1, "label", "")
        part.loc[[0, len(part) - 1], "label"] = segment.labels
        part.insert(2, "distance, 1/Å", segment.distance)
        for mode, frequencies in enumerate(segment.frequencies.T):
            part[f"{mode + 1}, THz"] = frequencies
        bands.append(part)
    tables = {
        "bands.csv": pd.concat(bands),
        "dos.csv": pd.DataFrame(
            {"frequency, THz": phonons.frequency, "density, 1/THz/atom": phonons.density}
        ),
        "temperatures.csv": pd.DataFrame(
            {
                "temperature, K": phonons.temperature,
                "free energy, eV/atom": phonons.free_energy,
                "entropy, J/K/mol": phonons.entropy,
                "heat capacity, J/K/mol": phonons.heat_capacity,
            }
        ),
    }
    for name, table in tables.items():
        text = table.to_csv(index=False, float_format="%.10g", lineterminator="\n")
        write_atomically(folder / name, text)
    phonons.save(folder / "phonopy.yaml")
