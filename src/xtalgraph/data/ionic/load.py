"""The embedded data set: crystals that are shipped, energies that are computed at first use."""

import json
import os
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

import numpy as np
import pandas as pd
import pyarrow
import pyarrow.parquet
from pymatgen.core import Structure
from tqdm import tqdm

from xtalgraph.conventions.elements import SYMBOLS
from xtalgraph.conventions.errors import ConfigError
from xtalgraph.crystals.crystal import Crystal
from xtalgraph.data.cache import cache_folder
from xtalgraph.data.ionic.rigid_ion import RigidIonModel

NUM_ROWS: Final = 2000
"""Number of crystals in the file."""
VERSION: Final = 2
"""Counts up whenever a row changes."""
_CRYSTALS: Final = Path(__file__).with_name("crystals.parquet")
"""Written by ``scripts/ionic_perovskites``."""


def ionic_perovskites(num: int = NUM_ROWS, *, progress: bool = False) -> pd.DataFrame:
    """Return perovskite crystals with the energy, forces and stress of the rigid-ion model.

    These are the numbers of a model of point charges and Born-Mayer repulsion, not of DFT.

    Args:
        num: Number of crystals, the first of the set.
        progress: Whether to show a progress bar on standard error.

    Returns:
        One row for each crystal: ``id``; ``structure`` (a pymatgen dictionary as JSON);
        ``formula`` (of the cell); ``compound`` (rows with the same one have the same
        composition); ``order`` (how a shared site is ordered, empty where none is shared);
        ``num_atoms``; ``energy`` (eV per cell, zero for ions far apart); ``energy_per_atom``
        (eV/atom); ``excess_energy`` (eV per cell, over the virtual crystal of the compound);
        ``forces`` (eV/Å, one row for each atom); ``stress`` (eV/Å³, 3 x 3, positive in
        tension).

    Raises:
        ConfigError: `num` is out of range.
    """
    if not 1 <= num <= NUM_ROWS:
        raise ConfigError(f"num must be between 1 and {NUM_ROWS}, got {num}")
    drawn = pd.read_parquet(_CRYSTALS).head(num).to_dict("records")
    rows = tqdm(drawn, desc="ionic_perovskites", disable=not progress)
    return pd.DataFrame([_with_energy(row) for row in rows])


def _with_energy(row: Mapping[Any, Any]) -> dict[str, Any]:
    """Compute what the table says of a crystal."""
    cell, positions = row["cell"].reshape(3, 3), row["positions"].reshape(-1, 3)
    crystal = Crystal(cell, positions, row["numbers"].astype(np.int64), np.ones(3, dtype=bool))
    computed = RigidIonModel.for_crystal(crystal)(crystal)
    symbols = [SYMBOLS[z] for z in crystal.numbers.tolist()]
    structure = Structure(crystal.cell, symbols, crystal.positions, coords_are_cartesian=True)
    return {
        "id": row["id"],
        "structure": json.dumps(structure.as_dict()),
        "formula": crystal.formula,
        "compound": row["compound"],
        "order": row["order"],
        "num_atoms": len(crystal),
        "energy": computed.energy,
        "energy_per_atom": computed.energy / len(crystal),
        "excess_energy": computed.energy - row["virtual_energy"] * len(crystal) / 5,
        "forces": computed.forces.tolist(),
        "stress": computed.stress.tolist(),
    }


def ionic_perovskites_path(*, progress: bool = False) -> Path:
    """Path of ``ionic_perovskites.v2.parquet`` in the cache folder, made where it is not there.

    The rows are those of `ionic_perovskites`: energies of a rigid-ion model, not of DFT. Making
    them takes a few seconds on one core. A file that is not a complete table is made again.
    """
    path = cache_folder() / f"ionic_perovskites.v{VERSION}.parquet"
    if _is_complete(path):
        return path
    path.parent.mkdir(parents=True, exist_ok=True)
    table = ionic_perovskites(NUM_ROWS, progress=progress)
    # Several processes may do this at once: each writes its own file, the last name wins.
    handle, unfinished = tempfile.mkstemp(prefix=path.name, suffix=".part", dir=path.parent)
    os.close(handle)
    try:
        table.to_parquet(unfinished, index=False)
        Path(unfinished).replace(path)
    except BaseException:
        Path(unfinished).unlink(missing_ok=True)
        raise
    return path


def _is_complete(path: Path) -> bool:
    """Whether the file is there and its footer, written last, counts all rows."""
    try:
        return bool(pyarrow.parquet.read_metadata(path).num_rows == NUM_ROWS)
    except (OSError, pyarrow.ArrowInvalid):
        return False
