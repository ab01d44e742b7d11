from collections.abc import Callable

import pytest

from xtalgraph.crystals.cif import read_cif
from xtalgraph.crystals.crystal import Crystal

CELL = """data_x
_cell_length_a 4.594
_cell_length_b 4.594
_cell_length_c 2.959
_cell_angle_alpha 90
_cell_angle_beta 90
_cell_angle_gamma 90
"""
OPERATIONS = """'x,y,z'
'-x,-y,z'
'-y+1/2,x+1/2,z+1/2'
'y+1/2,-x+1/2,z+1/2'
'-x+1/2,y+1/2,-z+1/2'
'x+1/2,-y+1/2,-z+1/2'
'y,x,-z'
'-y,-x,-z'
'-x,-y,-z'
'x,y,-z'
'y+1/2,-x+1/2,-z+1/2'
'-y+1/2,x+1/2,-z+1/2'
'x+1/2,-y+1/2,z+1/2'
'-x+1/2,y+1/2,z+1/2'
'-y,-x,z'
'y,x,z'
"""
LISTED = f"loop_\n_space_group_symop_operation_xyz\n{OPERATIONS}"


@pytest.fixture
def rutile() -> Callable[..., str]:
    """Writes rutile, Ti2O4 in P 42/m n m with 62.45 Å³, as other people do."""

    def write(
        symmetry: str = LISTED,
        *,
        items: str = "",
        columns: str = "",
        titanium: str = "Ti1 Ti 0 0 0",
        oxygen: str = "O1 O 0.305 0.305 0",
        more: str = "",
        names: str = "label type_symbol fract_x fract_y fract_z",
    ) -> str:
        tags = "".join(f"_atom_site_{name}\n" for name in f"{names} {columns}".split())
        return f"{CELL}{items}\n{symmetry}\nloop_\n{tags}{titanium}\n{oxygen}\n{more}"

    return write


@pytest.fixture
def only() -> Callable[[str], Crystal]:
    """The one crystal of a text."""

    def read(text: str) -> Crystal:
        (entry,) = read_cif(text)
        assert entry.crystal is not None, entry.reason
        return entry.crystal

    return read


@pytest.fixture
def reason() -> Callable[[str], str]:
    """Why a text has no crystal."""

    def read(text: str) -> str:
        (entry,) = read_cif(text)
        assert entry.crystal is None, entry.crystal
        assert entry.reason
        return entry.reason

    return read
