import io

import numpy as np
import pytest
from ase.build import bulk
from ase.io import read, write

from xtalgraph.crystals.poscar import read_poscar

SITES = ["0 0 0", "0 .5 .5", ".5 0 .5", ".5 .5 0", ".5 .5 .5", ".5 0 0", "0 .5 0", "0 0 .5"]


def poscar(**changed: str | None) -> str:
    parts = {
        "comment": "salt",
        "scale": "1.0",
        "lattice": "5.64 0 0\n0 5.64 0\n0 0 5.64",
        "species": "Na Cl",
        "counts": "4 4",
        "mode": "Direct",
        "sites": "\n".join(SITES),
        "after": None,
    } | changed
    return "\n".join(parts[name] for name in parts if parts[name] is not None) + "\n"


RIGHT = read_poscar(poscar()).crystal


@pytest.mark.parametrize(
    "changed",
    [
        {"species": "NA CL"},
        {"species": "na cl"},
        {"species": "Na1 Cl2"},
        {"species": "Na_pv Cl"},
        {"species": "Na_sv_GW Cl.pbe"},
        {"species": "Na/3f9a0c Cl_h/77"},
        {"species": "Na+ Cl-"},
        {"species": "Na\nCl", "counts": "4\n4"},
        {"species": "Na \\\nCl"},
        {"species": "Na Cl Cl", "counts": "4 1\n3"},
        {"species": "Na Cl ! written by hand", "counts": "4 4 # both"},
        {"scale": "1.0d0"},
        {"scale": "1 ! scale"},
        {"scale": "2.0D+00", "lattice": "2.82d0 0 0\n0 2.82 0\n0 0 .282E1"},
        {"scale": "-179.406144"},
        {"scale": "5.64 2.82 1", "lattice": "1 0 0\n0 2 0\n0 0 5.64"},
        {
            "mode": "Selective dynamics\nDirect",
            "sites": "0 0 0 T T F\n"
            + "\n".join(
                f"{line} F F F"
                for line in [
                    "0 .5 .5",
                    ".5 0 .5",
                    ".5 .5 0",
                    ".5 .5 .5",
                    ".5 0 0",
                    "0 .5 0",
                    "0 0 .5",
                ]
            ),
        },
        {"mode": "direct"},
        {"mode": "  Fractional"},
        {"after": "\n0 0 0\n0 0 0"},
        {"after": "Cartesian\n0 0 0"},
        {
            "sites": "\n".join(
                f"{line} {name}"
                for line, name in zip(
                    [
                        "0 0 0",
                        "0 .5 .5",
                        ".5 0 .5",
                        ".5 .5 0",
                        ".5 .5 .5",
                        ".5 0 0",
                        "0 .5 0",
                        "0 0 .5",
                    ],
                    ["Na"] * 4 + ["Cl"] * 4,
                    strict=True,
                )
            )
        },
        {"comment": "\ufeffsalt"},
    ],
)
def test_dialects(changed):
    entry = read_poscar(poscar(**changed))
    assert entry.reason is None
    np.testing.assert_allclose(entry.crystal.cell, RIGHT.cell, rtol=1e-9, atol=1e-9)
    np.testing.assert_allclose(entry.crystal.positions, RIGHT.positions, rtol=1e-9, atol=1e-9)
    np.testing.assert_array_equal(entry.crystal.numbers, [11] * 4 + [17] * 4)


def test_windows_line_ends():
    assert len(read_poscar(poscar().replace("\n", "\r\n")).crystal) == 8


@pytest.mark.parametrize("mode", ["Cartesian", "cart", "K", "C"])
@pytest.mark.parametrize("scale", ["5.64", "-179.406144", "5.64 5.64 5.64"])
def test_cartesian_coordinates_are_scaled_as_ase_scales_them(mode, scale):
    text = poscar(scale=scale, lattice="1 0 0\n0 1 0\n0 0 1", mode=mode)
    crystal = read_poscar(text).crystal
    atoms = read(io.StringIO(text), format="vasp")
    np.testing.assert_allclose(crystal.positions, atoms.positions, atol=1e-9)
    np.testing.assert_allclose(crystal.cell, atoms.cell.array, atol=1e-9)
    np.testing.assert_allclose(crystal.positions, RIGHT.positions, atol=1e-9)


def test_a_skewed_left_handed_cell_is_read_as_ase_reads_it():
    atoms = bulk("Ti", "hcp", a=2.95, c=4.68)
    atoms.set_cell(atoms.cell.array[[1, 0, 2]] + 0.1, scale_atoms=True)
    file = io.StringIO()
    write(file, atoms, format="vasp", direct=True)
    crystal = read_poscar(file.getvalue()).crystal
    expected = read(io.StringIO(file.getvalue()), format="vasp")
    np.testing.assert_allclose(crystal.positions, expected.positions, atol=1e-12)
    np.testing.assert_allclose(crystal.cell, expected.cell.array, atol=1e-12)


@pytest.mark.parametrize(
    ("changed", "words"),
    [
        ({"species": "Na Xx"}, "'Xx' is not an element"),
        ({"species": "Na Sodium"}, "'Sodium', which is not an element"),
        ({"species": None}, "names no elements (VASP 4)"),
        ({"counts": "4"}, "names 2 species (Na Cl), and has 1 counts before line 8: 'Direct'"),
        ({"counts": "4 4 4"}, "3 counts for 2 species"),
        ({"counts": "-4 4"}, "has 0 counts before line 7: '-4 4'"),
        ({"counts": "4 3"}, "make 7 atoms, and line 16 holds the coordinates of one more"),
        ({"counts": "4 5"}, "site 8 (line 17) must be three numbers, got the end of the file"),
        ({"counts": "4 5", "after": "\n0 0 0"}, "site 8 (line 17) must be three numbers, got ''"),
        ({"counts": "4 2000000000"}, "must have 1000000 atoms at most, got 2e+09"),
        ({"counts": "4 " + "9" * 5000}, "is malformed"),
        ({"scale": "0"}, "must be a scaling factor"),
        ({"scale": "1 1"}, "must be a scaling factor"),
        ({"scale": "1 -1 1"}, "must be a scaling factor"),
        ({"scale": "one"}, "must be a scaling factor"),
        ({"lattice": "5.64 0 0\n0 5,64 0\n0 0 5.64"}, "holds '5,64', which is not a number"),
        ({"lattice": "5.64 0 0\n0 nan 0\n0 0 5.64"}, "holds 'nan', which is not a number"),
        ({"lattice": "5.64 0 0 7\n0 5.64 0\n0 0 5.64"}, "a lattice vector of three numbers"),
        ({"lattice": "5.64 0 0\n0 0 0\n0 0 5.64", "scale": "-100"}, "span no volume"),
        ({"mode": None}, "must be Direct or Cartesian, got '0 0 0'"),
        ({"mode": "Selective dynamics\nDirect"}, "three flags T or F"),
        ({"sites": "0 0 0 Cl" + "\n0 0 0" * 7}, "site 0 (line 9) is called Cl, and the counts"),
        ({"sites": "0 0 0\n1_0 0 0" + "\n0 0 0" * 6}, "holds '1_0', which is not a number"),
    ],
)
def test_refusals(changed, words):
    entry = read_poscar(poscar(**changed))
    assert entry.crystal is None
    assert words in entry.reason
