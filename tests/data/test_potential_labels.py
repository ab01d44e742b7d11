"""Labels of potentials: by whatever name, in whatever form, and compared with each other."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from xtalgraph.conventions.errors import InputError
from xtalgraph.crystals import transforms
from xtalgraph.crystals.crystal import Crystal
from xtalgraph.data.dataset import read_dataset
from xtalgraph.data.potential_labels import LabelKeys, check_stress, find_labels
from xtalgraph.data.potential_targets import SPELLINGS, potential_targets, role_of

TARGETS = potential_targets(["energy", "forces", "stress"])
CRYSTAL = Crystal.from_fractional(
    np.diag([3.0, 4.0, 5.0]), np.array([[0.0, 0, 0], [0.4, 0.5, 0.6]]), np.array([11, 17])
)
STRESS = np.array([[1.0, 0.6, 0.5], [0.6, 2.0, 0.4], [0.5, 0.4, 3.0]])
VOIGT = [1.0, 2.0, 3.0, 0.4, 0.5, 0.6]
REAL = Path(__file__).parents[2].parent / "shared" / "data" / "potentials"


def columns(**given) -> pd.DataFrame:
    values = {"energy": -7.0, "forces": np.ones((2, 3)), "stress": STRESS} | given
    return pd.DataFrame({name: [value] for name, value in values.items() if value is not None})


def found(table: pd.DataFrame, keys: LabelKeys | None = None):
    return find_labels(table, [CRYSTAL] * len(table), TARGETS, keys or LabelKeys())


@pytest.mark.parametrize(
    ("role", "name"), [(r, n) for r, names in SPELLINGS.items() for n in names]
)
def test_every_spelling_is_found_in_any_case(role, name):
    value = {"energy": -3.0, "forces": np.zeros((2, 3)), "stress": STRESS}[role]
    spelled = name.upper()
    labels = found(columns(**{role: None, spelled: value}))
    assert labels.columns[role] == spelled
    assert role_of(spelled) == role
    expected = -STRESS / 60.0 if "virial" in name else value
    assert np.allclose(labels.values[role][0], expected)
    assert any(spelled in note for note in labels.notes)


@pytest.mark.parametrize("form", [STRESS, STRESS.tolist(), VOIGT, STRESS.ravel()], ids=range(4))
def test_a_stress_of_any_form_is_a_matrix(form):
    assert np.allclose(found(columns(stress=form)).values["stress"][0], STRESS)


def test_a_virial_is_minus_the_stress_times_the_volume():
    labels = found(columns(stress=None, virial=-60.0 * STRESS))
    assert np.allclose(labels.values["stress"][0], STRESS)
    assert labels.notes == ("stresses are made of the virials 'virial', as −virial/volume",)


def test_the_free_energy_goes_before_the_energy_that_it_is_not():
    labels = found(columns(free_energy=-7.1))
    assert labels.columns["energy"] == "free_energy"
    assert "--energy-key takes others" in labels.notes[0]
    same = found(columns(free_energy=-7.0))
    assert (same.columns["energy"], same.notes) == ("energy", ())


def test_two_that_differ_are_refused_until_one_is_named():
    table = columns(REF_energy=-6.0)
    with pytest.raises(InputError, match="'energy' and 'REF_energy' are both energy, and differ"):
        found(table)
    assert found(table, LabelKeys(energy="REF_energy")).values["energy"] == [-6.0]
    assert found(columns(REF_energy=-7.0)).columns["energy"] == "energy"


def test_labels_that_are_not_there_are_an_error():
    with pytest.raises(InputError, match=r"there is no column of forces.*with --forces-key"):
        found(columns(forces=None, my_f=np.ones((2, 3))))
    assert found(columns(forces=None, my_f=np.ones((2, 3))), LabelKeys(forces="my_f"))
    with pytest.raises(InputError, match="no column 'myf' for the forces; did you mean 'my_f'"):
        found(columns(my_f=1.0), LabelKeys(forces="myf"))
    with pytest.raises(InputError, match="no crystal has forces: the column 'forces' is empty"):
        found(columns(forces=np.nan))


def test_frames_without_forces_and_with_bad_ones(tmp_path, caplog):
    lines = []
    for number, force in enumerate(["0.1", "nan", "", "0.2"]):
        has = ":forces:R:3" if force else ""
        lines += [
            "1",
            f'Lattice="3 0 0 0 3 0 0 0 3" Properties=species:S:1:pos:R:3{has} '
            f'energy={-number} pbc="T T T"',
            f"Na 0 0 0 {' '.join([force] * 3)}",
        ]
    path = tmp_path / "frames.extxyz"
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")
    dataset = read_dataset(path, TARGETS[:2])
    assert [one.id for one in dataset.table.rejected] == ["frames:1"]
    assert "'forces' is not finite" in dataset.table.rejected[0].reason
    assert dataset.labels.known("forces").tolist() == [True, False, True]
    assert dataset.labels["energy"].tolist() == [0.0, -2.0, -3.0]


def test_a_stress_that_is_not_symmetric_is_refused(tmp_path):
    wrong = STRESS + np.array([[0, 1.0, 0], [0, 0, 0], [0, 0, 0]])
    table = pd.DataFrame(
        {
            "structure": [CRYSTAL, CRYSTAL],
            "energy": [1.0, 2.0],
            "forces": [np.zeros((2, 3))] * 2,
            "stress": [wrong, STRESS],
        }
    )
    dataset = read_dataset(table, TARGETS)
    assert len(dataset) == 1
    assert "'stress' is not symmetric (ij=ji)" in dataset.table.rejected[0].reason


@pytest.mark.parametrize(
    ("factor", "text"),
    [
        (1.0, ""),
        (-1.0, "of the other sign"),
        (160.21766, "in GPa"),
        (-1602.1766, "in kbar, and of the other sign"),
        (7.0, "of another unit or sign"),
    ],
)
def test_stresses_are_compared_with_energies_of_strained_copies(factor, text):
    """A crystal whose energy is V₀ K tr(ε)²/2: its stress is known."""
    stiffness, crystals, energies, stresses = 0.8, [], [], []
    for size in np.linspace(-0.02, 0.02, 5):
        crystals.append(transforms.strain(CRYSTAL, size * np.eye(3)))
        energies.append(CRYSTAL.volume * stiffness * (3 * size) ** 2 / 2)
        stresses.append(stiffness * 3 * size * np.eye(3) * CRYSTAL.volume / crystals[-1].volume)
    check = check_stress(crystals, np.array(energies), factor * np.array(stresses))
    assert (check.pairs, check.factor) == (10, text)
    shift = np.array([[0.3, 0.0, 0.0], [0.0, 0.0, 0.0]])
    moved = [CRYSTAL, CRYSTAL.moved(1.01 * CRYSTAL.cell, CRYSTAL.positions + shift)]
    assert check_stress(moved, np.zeros(2), np.zeros((2, 3, 3))) is None


@pytest.mark.skipif(not REAL.is_dir(), reason="the published frames are not here")
@pytest.mark.parametrize("element", ["Cu", "Li", "Si"])
def test_published_stresses_are_right(element):
    dataset = read_dataset(REAL / f"{element}_train.extxyz", TARGETS)
    labels = dataset.labels
    check = check_stress(dataset.table.crystals, labels["energy"], labels["stress"])
    assert check.factor == ""
    assert check.ratio == pytest.approx(1.0, abs=0.1)
