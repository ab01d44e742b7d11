"""Frames of VASP, from files as VASP writes them, cut down to what a frame is made of."""

import numpy as np
import pytest
from ase.build import bulk
from ase.calculators.emt import EMT

from xtalgraph.crystals.reading import format_of, read_file
from xtalgraph.data.dataset import read_dataset
from xtalgraph.data.potential_targets import potential_targets
from xtalgraph.data.table import read_table

KBAR = 1602.1766208
"""Of an eV/Å³."""
SMEARING = 0.004
"""What the energy extrapolated to no smearing lies above the free energy, eV."""


def made(count: int, strain: float = 0.0) -> list:
    frames = []
    for seed in range(count):
        atoms = bulk("Cu", cubic=True)
        atoms.set_cell((1.0 + strain * (seed - count / 2)) * atoms.cell[:], scale_atoms=True)
        atoms.rattle(0.05, seed=seed)
        atoms.calc = EMT()
        frames.append(atoms)
    return frames


def rows(array, tag: str) -> str:
    lines = (" ".join(f"{one:.10f}" for one in row) for row in np.atleast_2d(array))
    return "".join(f"<{tag}>{line}</{tag}>\n" for line in lines)


def energies(atoms) -> str:
    free = atoms.get_potential_energy()
    values = {"e_fr_energy": free, "e_wo_entrp": free + 2 * SMEARING, "e_0_energy": free + SMEARING}
    return "".join(f'<i name="{name}">{value:.8f}</i>' for name, value in values.items())


def structure(atoms, name: str = "") -> str:
    return (
        f'<structure{name}><crystal><varray name="basis">{rows(atoms.cell[:], "v")}</varray>'
        f'</crystal><varray name="positions">{rows(atoms.get_scaled_positions(), "v")}'
        "</varray></structure>"
    )


def vasprun(frames) -> str:
    """VASP's stresses are in kbar, positive in compression."""
    atoms = frames[0]
    species = "".join(f"<rc><c>{one}</c><c>1</c></rc>" for one in atoms.get_chemical_symbols())
    steps = "".join(
        f"<calculation><scstep><energy>{energies(one)}</energy></scstep>{structure(one)}"
        f'<varray name="forces">{rows(one.get_forces(), "v")}</varray>'
        f'<varray name="stress">{rows(-KBAR * one.get_stress(voigt=False), "v")}</varray>'
        f"<energy>{energies(one)}</energy></calculation>\n"
        for one in frames
    )
    return (
        '<?xml version="1.0" encoding="ISO-8859-1"?>\n<modeling>\n'
        '<kpoints><varray name="kpointlist"><v>0 0 0</v></varray><varray name="weights"><v>1</v>'
        "</varray></kpoints>\n"
        f'<atominfo><array name="atoms"><set>{species}</set></array></atominfo>\n'
        + structure(atoms, ' name="initialpos"')
        + steps
        + "</modeling>\n"
    )


def outcar(frames) -> str:
    lines = [
        " POTCAR:    PAW_PBE Cu 22Jun2005",
        " POTCAR:    PAW_PBE Cu 22Jun2005",
        "   k-points           NKPTS =      1   k-points in BZ     NKDIM =      1   number of bands"
        "    NBANDS=      4",
        f"   ions per type =               {len(frames[0])}",
        "   ISPIN  =      1    spin polarized calculation?",
        " k-points in reciprocal lattice and weights: Gamma",
        "   0.00000000  0.00000000  0.00000000       1.000",
        "",
    ]
    for step, atoms in enumerate(frames, 1):
        xx, yy, zz, yz, xz, xy = -KBAR * atoms.get_stress()
        forces, free = atoms.get_forces(), atoms.get_potential_energy()
        lines += [
            f"--------------------- Iteration {step:6d}(   1)  ----------------------",
            "  in kB   " + "".join(f"{one:13.5f}" for one in (xx, yy, zz, xy, yz, xz)),
            "      direct lattice vectors                 reciprocal lattice vectors",
            *("".join(f"{one:13.9f}" for one in [*row, 0.0, 0.0, 0.0]) for row in atoms.cell[:]),
            " POSITION                                       TOTAL-FORCE (eV/Angst)",
            " " + "-" * 83,
            *(
                "".join(f"{one:13.5f}" for one in (*place, *force))
                for place, force in zip(atoms.positions, forces, strict=True)
            ),
            " " + "-" * 83,
            "  FREE ENERGIE OF THE ION-ELECTRON SYSTEM (eV)",
            "  ---------------------------------------------------",
            f"  free  energy   TOTEN  =      {free:16.8f} eV",
            "",
            f"  energy  without entropy= {free + 2 * SMEARING:16.8f}  energy(sigma->0) ="
            f" {free + SMEARING:16.8f}",
            "",
        ]
    return "\n".join([*lines, "   Voluntary context switches:          100", ""])


WRITERS = {"vasprun.xml": vasprun, "OUTCAR": outcar}


@pytest.fixture(params=list(WRITERS))
def file(request, tmp_path):
    path = tmp_path / "run" / request.param
    path.parent.mkdir()
    path.write_text(WRITERS[request.param](made(3)), encoding="utf-8")
    return path


def test_all_steps_are_frames_with_their_labels(file):
    places = 1e-8 if file.suffix else 1e-5
    entries = list(read_file(file))
    assert [entry.name for entry in entries] == ["0", "1", "2"]
    for entry, atoms in zip(entries, made(3), strict=True):
        shift = entry.crystal.fractional - atoms.get_scaled_positions()
        assert np.abs(shift - np.round(shift)).max() < places
        assert np.allclose(entry.crystal.cell, atoms.cell[:])
        free = atoms.get_potential_energy()
        assert entry.values["free_energy"] == pytest.approx(free, abs=1e-7)
        assert entry.values["energy"] == pytest.approx(free + SMEARING, abs=1e-7)
        assert np.abs(entry.values["forces"] - atoms.get_forces()).max() < places
        assert np.abs(entry.values["stress"] - atoms.get_stress(voigt=False)).max() < 1e-8


def test_they_are_read_for_a_potential_with_the_free_energy(file):
    dataset = read_dataset(file, potential_targets(["energy", "forces", "stress"]))
    assert dataset.table.ids == ("run:0", "run:1", "run:2")
    free = [atoms.get_potential_energy() for atoms in made(3)]
    assert dataset.labels["energy"] == pytest.approx(free, abs=1e-7)
    named = potential_targets(["energy", "forces"])
    other = file.parent.parent / "other" / file.name
    other.parent.mkdir()
    other.write_text(file.read_text(encoding="utf-8"), encoding="utf-8")
    assert len(read_dataset([file, str(other)], named)) == 6


def test_a_file_that_breaks_off_keeps_its_whole_steps(file):
    text = file.read_text(encoding="utf-8")
    end = text.rindex("<calculation>" if file.suffix else "TOTAL-FORCE") + 60
    file.write_text(text[:end], encoding="utf-8")
    entries = list(read_file(file))
    assert [entry.crystal is not None for entry in entries] == [True, True, False]
    assert "breaks off after 2 steps" in entries[-1].reason
    file.write_text(text[: text.index("Cu") + 30], encoding="utf-8")
    (entry,) = read_file(file)
    assert entry.crystal is None
    assert entry.reason
    file.write_text("", encoding="utf-8")
    assert next(iter(read_file(file))).crystal is None


def test_files_beside_it_do_not_matter(file):
    for name in ("CONTCAR", "POSCAR"):
        (file.parent / name).write_text("", encoding="utf-8")
    assert all(entry.crystal for entry in read_file(file))


def test_a_folder_of_calculations_is_read_and_passed_over_beside_structures(file, caplog):
    assert len(read_dataset(file.parent.parent, potential_targets(["energy", "forces"]))) == 3
    bulk("Al").write(file.parent / "POSCAR", format="vasp")
    assert len(read_table(file.parent)) == 1
    assert "are passed over" in caplog.text


@pytest.mark.parametrize(
    ("name", "kind"),
    [
        ("vasprun.xml", "vasprun"),
        ("vasprun_300K.xml", "vasprun"),
        ("run1.vasprun.xml", "vasprun"),
        ("OUTCAR", "outcar"),
        ("OUTCAR.2", "outcar"),
        ("300K_OUTCAR", "outcar"),
        ("OUTCAR.gz", "packed"),
        ("data.xml", None),
    ],
)
def test_their_names_are_known(name, kind):
    assert format_of(name) == kind
