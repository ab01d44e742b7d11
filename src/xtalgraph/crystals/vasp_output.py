"""The frames of a VASP calculation, ``vasprun.xml`` or ``OUTCAR``, read through ASE.

ASE is imported only where a file is read: it takes longer to load than most files to read.
"""

import warnings
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import Any, Final

from xtalgraph.conventions.boundary import guarded, guarded_items
from xtalgraph.conventions.errors import InputError
from xtalgraph.crystals.ase_database import values_of
from xtalgraph.crystals.convert import from_ase
from xtalgraph.crystals.crystal import Crystal
from xtalgraph.crystals.entry import Entry

VASP_OUTPUTS: Final = {"vasprun": "vasp-xml", "outcar": "vasp-out"}
"""The two kinds, and what ASE calls them."""
_ENDS: Final = {"vasprun": b"</modeling>", "outcar": b"Voluntary context switches"}
"""What stands at the end of a whole file."""
_TAIL: Final = 4096


def read_vasp_output(path: Path, kind: str) -> Iterator[Entry]:
    """Read all ionic steps, each named by its number from 0.

    ``free_energy`` is that of which forces are the derivatives (TOTEN); ``energy`` is extrapolated
    to no smearing (sigma → 0). Stresses are in eV/Å³, positive in tension.

    Args:
        path: The file.
        kind: ``vasprun`` or ``outcar``.

    Yields:
        The steps; a last entry with a reason where the file breaks off, or holds no step.
    """
    number = 0
    try:
        for atoms in guarded_items(_steps(path, kind), "the file"):
            yield _entry(number, atoms)
            number += 1
    except InputError as error:
        yield Entry(str(number), None, reason=f"step {number}: {error}")
        return
    with path.open("rb") as file:
        file.seek(max(0, path.stat().st_size - _TAIL))
        whole = _ENDS[kind] in file.read()
    if number == 0:
        yield Entry("", None, reason="it holds no ionic step that is complete")
    elif not whole:
        reason = f"the file breaks off after {number} steps; what came later is not read"
        yield Entry(str(number), None, reason=reason)


def _steps(path: Path, kind: str) -> Iterator[Any]:
    from ase.io import iread

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of numbers that run together: such a label is left out
        yield from iread(path, index=":", format=VASP_OUTPUTS[kind])


def _entry(number: int, atoms: Any) -> Entry:
    try:
        crystal, values = guarded(partial(_crystal_of, atoms), "it")
    except InputError as error:
        return Entry(str(number), None, reason=f"step {number}: {error}")
    return Entry(str(number), crystal, values)


def _crystal_of(atoms: Any) -> tuple[Crystal, dict[str, object]]:
    if atoms.calc is None:
        raise InputError("no energy: the calculation broke off in its first step")
    atoms.set_constraint()
    return from_ase(atoms), {k: v for k, v in values_of(atoms).items() if v is not None}
