"""Tensors are read in full and in Voigt's notation, and held against their crystal's symmetry."""

import json

import numpy as np
import pandas as pd
import pytest
from scipy.spatial.transform import Rotation

from xtalgraph.conventions.voigt import NAMED, from_voigt, to_voigt, voigt_shape
from xtalgraph.crystals.crystal import Crystal
from xtalgraph.crystals.tensor_symmetry import Symmetry
from xtalgraph.data.dataset import read_dataset
from xtalgraph.data.label_reading import labels_of
from xtalgraph.data.targets import Kind, Target
from xtalgraph.testing.crystals import contract_crystals

CUBIC = contract_crystals()["cubic"]
RNG = np.random.default_rng(5)
TETRAGONAL = Crystal.from_fractional(
    np.diag([3.2, 3.2, 5.1]), np.array([[0.0] * 3, [0.5, 0.5, 0.44]]), np.array([22, 8])
)
HEXAGONAL = Crystal.from_fractional(
    np.array([[3.0, 0, 0], [-1.5, 1.5 * 3**0.5, 0], [0, 0, 4.9]]),
    np.array([[1, 2, 0.0], [2, 1, 1.5], [1, 2, 1.11], [2, 1, 2.61]]) / 3,
    np.array([30, 30, 8, 8]),
)  # fmt: skip


def declared(name, kind=Kind.INTENSIVE):
    return Target("t", kind, tensor=NAMED[name])


def drawn(name, rows=()):
    tensor = NAMED[name]
    return tensor.from_components(RNG.normal(size=(*rows, tensor.num_components)))


def turned(crystal, turn):
    return crystal.moved(crystal.cell @ turn.T, crystal.positions @ turn.T)


@pytest.mark.parametrize("name", NAMED)
def test_all_forms_of_a_tensor_give_the_same_label(name):
    values = drawn(name)
    short = to_voigt(NAMED[name], values)
    forms = [values, values.tolist(), short.tolist(), json.dumps(short.tolist()), values.ravel()]
    for raw in forms[: 5 if values.ndim > 1 else 4]:
        (label,) = labels_of([raw], [declared(name)], CUBIC)
        np.testing.assert_allclose(label[0], values, atol=1e-12)


def test_atoms_have_one_each():
    values = drawn("dielectric", rows=(5,))
    for raw in (values, to_voigt(NAMED["dielectric"], values), values.reshape(5, 9)):
        (label,) = labels_of([raw], [declared("dielectric", Kind.ATOMIC)], CUBIC)
        np.testing.assert_allclose(label, values, atol=1e-12)


@pytest.mark.parametrize(
    ("name", "raw", "reason"),
    [
        ("dielectric", [1.0, 2.0], "must be 3x3 numbers, or in Voigt's notation 6, got shape 2"),
        ("elastic", np.zeros((3, 3)), "must be 3x3x3x3 numbers, or in Voigt's notation 6x6"),
        ("vector", 1.0, "must be 3 numbers, got shape of one number"),
        ("elastic", np.triu(np.ones((6, 6))), "is not symmetric (ijkl=jikl=klij): its element"),
        (
            "dielectric",
            np.triu(np.ones((3, 3))),
            "is 0, and the mean of those that must equal it is 0.5",
        ),
        ("dielectric", np.full((3, 3), np.inf), "is not finite"),
        ("dielectric", 1e40 * np.eye(3), "beyond 1e+30 overflow"),
        ("dielectric", [[1, None, 0], [0, 1, 0], [0, 0, 1]], "or a part is missing"),
        ("dielectric", "[[1, 0", "is no list of numbers"),
        ("dielectric", str(np.eye(3)), "in text with commas"),
        ("dielectric", [[1, 0], [0]], "is no list of numbers"),
    ],
)
def test_what_is_no_such_tensor_costs_the_row(name, raw, reason):
    found = labels_of([raw], [declared(name)], CUBIC)
    assert isinstance(found, str)
    assert reason in found


def test_a_small_asymmetry_is_averaged():
    raw = np.array([[2.0, 0.004, 0.0], [0.0, 2.0, 0.0], [0.0, 0.0, 3.0]])
    (label,) = labels_of([raw], [declared("dielectric")], CUBIC)
    assert label[0, 0, 1] == label[0, 1, 0] == pytest.approx(0.002)


def test_projection_leaves_what_group_theory_leaves():
    """How many components are independent: Nye, Physical Properties of Crystals, table 9."""
    left = {}
    for name in ("dielectric", "piezoelectric", "elastic", "vector"):
        tensor = NAMED[name]
        for label, crystal in (("cubic", CUBIC), ("polar", TETRAGONAL), ("zinc oxide", HEXAGONAL)):
            symmetry = Symmetry.of(crystal)
            units = tensor.from_components(np.eye(tensor.num_components))
            projected = symmetry.project(tensor, units)
            left[name, label] = np.linalg.matrix_rank(
                tensor.to_components(projected), tol=1e-8
            ).item()
            np.testing.assert_allclose(symmetry.project(tensor, projected), projected, atol=1e-9)
    assert left == {
        ("dielectric", "cubic"): 1, ("dielectric", "polar"): 2, ("dielectric", "zinc oxide"): 2,
        ("piezoelectric", "cubic"): 0, ("piezoelectric", "polar"): 3,
        ("piezoelectric", "zinc oxide"): 3,
        ("elastic", "cubic"): 3, ("elastic", "polar"): 6, ("elastic", "zinc oxide"): 5,
        ("vector", "cubic"): 0, ("vector", "polar"): 1, ("vector", "zinc oxide"): 1,
    }  # fmt: skip


def test_tensors_of_atoms_go_with_their_atoms():
    symmetry, tensor = Symmetry.of(CUBIC), NAMED["dielectric"]
    projected = symmetry.project(tensor, drawn("dielectric", rows=(5,)), of_atoms=True)
    np.testing.assert_allclose(projected[0], projected[0, 0, 0] * np.eye(3), atol=1e-12)
    oxygen = [np.sort(np.linalg.eigvalsh(one)) for one in projected[2:]]
    np.testing.assert_allclose(oxygen, [oxygen[0]] * 3, atol=1e-12)
    axes = [int(np.argmin(np.abs(np.diag(one) - np.median(np.diag(one))) < 1e-9)) for one in
            projected[2:]]  # fmt: skip
    assert sorted(axes) == [0, 1, 2]
    assert symmetry.outside(tensor, projected, of_atoms=True) < 1e-12
    assert symmetry.outside(tensor, projected[[0, 1, 3, 2, 4]], of_atoms=True) > 1e-3


def test_a_crystal_is_given_its_symmetry_to_the_last_digit():
    noise = RNG.normal(0.0, 2e-4, (4, 3))
    turn = Rotation.random(random_state=2).as_matrix()
    crystal = turned(HEXAGONAL, turn)
    shaken = crystal.moved(crystal.cell * (1 + 1e-5), crystal.positions + noise)
    symmetry = Symmetry.of(shaken, 5e-3)
    assert len(symmetry.rotations) == 12
    enforced = symmetry.enforced()
    assert len(Symmetry.of(enforced, 1e-9).rotations) == 12
    assert np.abs(enforced.cell - shaken.cell).max() < 1e-3
    assert np.abs(enforced.positions - shaken.positions).max() < 1e-3


def read(crystal, values, name):
    """Read one crystal of which the label is right, and one with another."""
    table = pd.DataFrame({"structure": [CUBIC, crystal], "t": [None, values]})
    table.loc[0, "t"] = np.zeros(NAMED[name].shape)
    return read_dataset(table, declared(name))


@pytest.mark.parametrize("seed", [None, 3])
@pytest.mark.parametrize("name", ["dielectric", "piezoelectric", "elastic"])
def test_a_right_label_is_read_whatever_the_axes(name, seed):
    turn = np.eye(3) if seed is None else Rotation.random(random_state=seed).as_matrix()
    crystal = turned(HEXAGONAL, turn)
    values = Symmetry.of(crystal).project(NAMED[name], drawn(name))
    dataset = read(crystal, values.tolist(), name)
    assert not dataset.table.rejected
    np.testing.assert_allclose(dataset.labels["t"][1], values, atol=1e-12)


def test_a_label_in_another_frame_costs_its_row_and_the_frame_is_named():
    turn = Rotation.random(random_state=3).as_matrix()
    right = Symmetry.of(HEXAGONAL).project(NAMED["dielectric"], np.diag([2.0, 2.0, 9.0]))
    dataset = read(turned(HEXAGONAL, turn), right, "dielectric")
    (rejection,) = dataset.table.rejected
    assert "break the symmetry of the crystal" in rejection.reason
    assert "in axes with a along x and b in the plane xy" in rejection.reason


def test_a_label_in_the_axes_of_the_conventional_cell_is_named():
    stiffness = np.diag([166.0, 166, 166, 80, 80, 80])
    stiffness[:3, :3] += 64.0 * (1 - np.eye(3))
    edges = np.array([[1, 1, 0], [0, 1, 1], [1, 0, 1]]) / 2**0.5
    lengths = np.linalg.cholesky(edges @ edges.T)  # a along x, as many programs write the cell
    crystal = Crystal.from_fractional(3.84 * lengths, np.array([[0.0] * 3, [0.25] * 3]),
                                      np.array([14, 14]))  # fmt: skip
    (rejection,) = read(crystal, stiffness, "elastic").table.rejected
    assert "those of the conventional cell" in rejection.reason


def test_what_symmetry_forbids_in_any_axes_is_said():
    dataset = read(CUBIC, np.array([0.0, 0.0, 1.0]), "vector")
    (rejection,) = dataset.table.rejected
    assert "no such tensor but zero in any axes" in rejection.reason


@pytest.mark.parametrize(
    ("name", "given", "hint"),
    [
        ("elastic", "order", "xx, yy, zz, xy, yz, xz"),
        ("elastic", "factors", "with the factors 2"),
        ("piezoelectric", "order", "xx, yy, zz, xy, yz, xz"),
    ],
)
def test_another_voigt_convention_is_named(name, given, hint):
    tensor = NAMED[name]
    raw = np.zeros(voigt_shape(tensor))
    if name == "elastic":
        raw[:3, :3] = [[207, 118, 106], [118, 207, 106], [106, 106, 210]]
        raw[[3, 4, 5], [3, 4, 5]] = [150.0, 150.0, (207 - 118) / 2]
    else:
        raw[[0, 1, 2, 2, 2], [4, 3, 0, 1, 2]] = [-0.46, -0.46, -0.53, -0.53, 1.2]
    assert Symmetry.of(HEXAGONAL).outside(tensor, from_voigt(tensor, raw)) < 1e-9
    if given == "factors":
        raw = np.linalg.inv(raw)
    else:
        vasp = [0, 1, 2, 5, 3, 4]
        raw = raw[np.ix_(*(vasp if size == 6 else range(size) for size in voigt_shape(tensor)))]
    (rejection,) = read(HEXAGONAL, raw, name).table.rejected
    assert hint in rejection.reason


def test_a_slight_break_is_noted_and_kept(caplog):
    caplog.set_level("WARNING")
    values = np.diag([2.0, 2.1, 3.0])
    dataset = read(TETRAGONAL, values, "dielectric")
    assert len(dataset) == 2
    assert "1 of 2 labels 't' break the symmetry of their crystal" in caplog.text


@pytest.mark.parametrize("name", ["elastic", "compliance"])
@pytest.mark.parametrize(("beside", "stable"), [(60.0, True), (120.0, False), (-60.0, False)])
def test_a_stiffness_of_no_stable_crystal_is_noted_and_kept(caplog, name, beside, stable):
    caplog.set_level("WARNING")
    values = np.diag([100.0, 100, 100, 70, 70, 70])
    values[:3, :3] += beside * (1 - np.eye(3))
    dataset = read(CUBIC, values, name)
    assert len(dataset) == 2
    count = 1 if stable else 2  # The other tensor is zero.
    assert f"{count} of 2 labels 't' have an eigenvalue that is not positive" in caplog.text


def test_what_symmetry_forbids_may_be_noise():
    fcc = 1.8 * np.array([[0.0, 1, 1], [1, 0, 1], [1, 1, 0]])
    copper = Crystal.from_fractional(fcc, np.zeros((1, 3)), np.array([29]))
    triclinic = contract_crystals()["triclinic"]
    noise = np.random.default_rng(0).normal(size=(3, 6))
    target = Target("e", Kind.INTENSIVE, tensor=NAMED["piezoelectric"])
    for size, kept in ((1e-16, 2), (1e-4, 2), (0.1, 1)):
        labels = [(size * noise).tolist(), np.ones((3, 6)).tolist()]
        table = pd.DataFrame({"structure": [copper, triclinic], "e": labels})
        assert len(read_dataset(table, target)) == kept, size
    alone = pd.DataFrame({"structure": [copper], "e": [np.zeros((3, 6)).tolist()]})
    assert len(read_dataset(alone, target)) == 1
