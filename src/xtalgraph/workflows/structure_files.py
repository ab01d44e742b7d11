"""The structures of candidates as files, beside their table."""

import re
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Final, Literal

from xtalgraph.conventions.errors import ConfigError
from xtalgraph.crystals.crystal import Crystal
from xtalgraph.crystals.writing import to_cif, to_extxyz, to_poscar
from xtalgraph.workflows.outputs import paths_in

Form = Literal["cif", "poscar", "none"]
"""As what structures are written."""
FOLDER: Final = "structures"
"""Where they are, in the folder of the screening."""
_LONGEST: Final = 60
"""Characters of an id in the name of a file."""


def check_structures(folder: Path, candidates: Any) -> None:
    """Refuse candidates that lie where the structures of the best are going to be written.

    Args:
        folder: Of the screening.
        candidates: What is read: paths, or anything else.

    Raises:
        ConfigError: If one lies there.
    """
    mine = (folder / FOLDER).resolve()
    for path in paths_in(candidates):
        if path == mine or mine in path.parents:
            raise ConfigError(
                f"the candidates {path} lie in {mine}, where the structures of the best are "
                "written: take another --out"
            )


def write_structures(folder: Path, named: Sequence[tuple[str, Crystal]], form: Form) -> list[str]:
    """Write crystals to files named by rank and id, in place of those of an earlier screening.

    Args:
        folder: Of the screening.
        named: Id and crystal, the best first.
        form: ``cif`` or ``poscar``; a crystal that does not repeat in all directions, which neither
            can hold, becomes an extended XYZ, and one with disordered sites a CIF. ``none`` writes
            nothing.

    Returns:
        The path of each file from the folder, ``""`` where nothing is written.
    """
    where = folder / FOLDER
    if where.is_dir():
        for old in where.iterdir():
            if re.fullmatch(r"\d{3,}-.*\.(cif|vasp|extxyz)", old.name):
                old.unlink()
    if form == "none":
        return [""] * len(named)
    where.mkdir(parents=True, exist_ok=True)
    written = []
    for rank, (name, crystal) in enumerate(named, start=1):
        text, suffix = _text(crystal, form)
        safe = re.sub(r"[^A-Za-z0-9_.+-]+", "_", name)[:_LONGEST].strip(".") or "crystal"
        path = where / f"{rank:03d}-{safe}.{suffix}"
        path.write_text(text, encoding="utf-8")
        written.append(f"{FOLDER}/{path.name}")
    return written


def _text(crystal: Crystal, form: Form) -> tuple[str, str]:
    if not crystal.pbc.all():
        return to_extxyz(crystal), "extxyz"
    if form == "cif" or crystal.occupancies is not None:
        return to_cif(crystal), "cif"
    return to_poscar(crystal), "vasp"
