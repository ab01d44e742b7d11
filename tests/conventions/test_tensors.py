"""Tensors turn as their elements do; their components and irreps are those of group theory."""

import itertools

import numpy as np
import pytest
from scipy.spatial.transform import Rotation

from xtalgraph.conventions.errors import TargetError
from xtalgraph.conventions.tensors import TensorType

ELASTIC = "ijkl=jikl=klij"
TYPES = [
    TensorType(rank, symmetry, axial, copies)
    for rank, symmetry in [(0, ""), (1, ""), (2, ""), (2, "ij=ji"), (3, ""), (3, "ijk=ikj"),
                           (4, ""), (4, ELASTIC)]
    for axial in (False, True)
    for copies in (1, 3)
]  # fmt: skip
PERMUTED = {
    "ij=ji": [(0, 1), (1, 0)],
    "ijk=ikj": [(0, 1, 2), (0, 2, 1)],
    ELASTIC: [
        (0, 1, 2, 3), (1, 0, 2, 3), (0, 1, 3, 2), (1, 0, 3, 2),
        (2, 3, 0, 1), (3, 2, 0, 1), (2, 3, 1, 0), (3, 2, 1, 0),
    ],
}  # fmt: skip
"""The groups, written out."""


def drawn(tensor, seed=0, rows=()):
    """Any values with the symmetry of a tensor, by averaging over its group."""
    values = np.random.default_rng(seed).normal(size=(*rows, *tensor.shape))
    group = PERMUTED.get(tensor.symmetry, [tuple(range(tensor.rank))])
    lead = values.ndim - tensor.rank
    turned = [values.transpose(*range(lead), *(lead + n for n in one)) for one in group]
    return sum(turned) / len(group)


def rotation(seed=0, improper=False):
    matrix = Rotation.random(random_state=seed).as_matrix()
    return -matrix if improper else matrix


@pytest.mark.parametrize("improper", [False, True])
@pytest.mark.parametrize("tensor", TYPES, ids=str)
def test_it_rotates_as_the_sum_over_all_elements(tensor, improper):
    values, turn = drawn(tensor, rows=(2,)), rotation(1, improper)
    expected = np.zeros_like(values)
    for new in itertools.product(range(3), repeat=tensor.rank):
        for old in itertools.product(range(3), repeat=tensor.rank):
            factor = np.prod([turn[a, b] for a, b in zip(new, old, strict=True)])
            expected[(..., *new)] += factor * values[(..., *old)]
    if tensor.axial and improper:
        expected = -expected
    np.testing.assert_allclose(tensor.rotate(values, turn), expected, atol=1e-12)


def test_a_cross_product_is_axial_and_a_product_of_vectors_is_not():
    a, b = np.random.default_rng(3).normal(size=(2, 5, 3))
    vector = TensorType(1)
    for improper in (False, True):
        turn = rotation(2, improper)
        turned = np.cross(vector.rotate(a, turn), vector.rotate(b, turn))
        axial = TensorType(1, axial=True)
        np.testing.assert_allclose(axial.rotate(np.cross(a, b), turn), turned, atol=1e-12)
        outer = np.einsum("ri,rj->rij", vector.rotate(a, turn), vector.rotate(b, turn))
        found = TensorType(2).rotate(np.einsum("ri,rj->rij", a, b), turn)
        np.testing.assert_allclose(found, outer, atol=1e-12)


@pytest.mark.parametrize("tensor", TYPES, ids=str)
def test_rotations_form_a_group_and_keep_norm_and_symmetry(tensor):
    values, first, second = drawn(tensor, rows=(4,)), rotation(1, True), rotation(2)
    turned = tensor.rotate(tensor.rotate(values, first), second)
    np.testing.assert_allclose(turned, tensor.rotate(values, second @ first), atol=1e-12)
    components = tensor.to_components(values)
    assert components.shape == (4, tensor.num_components)
    np.testing.assert_allclose(
        np.linalg.norm(components, axis=1), np.linalg.norm(values.reshape(4, -1), axis=1)
    )
    np.testing.assert_allclose(tensor.from_components(components), values, atol=1e-12)
    back = tensor.from_components(tensor.to_components(turned))
    np.testing.assert_allclose(back, turned, atol=1e-12)


@pytest.mark.parametrize("tensor", [one for one in TYPES if one.symmetry], ids=str)
def test_what_contradicts_the_symmetry_is_projected_away(tensor):
    values = np.random.default_rng(5).normal(size=(2, *tensor.shape))
    lead = values.ndim - tensor.rank
    group = PERMUTED[tensor.symmetry]
    mean = sum(values.transpose(*range(lead), *(lead + n for n in one)) for one in group)
    found = tensor.from_components(tensor.to_components(values))
    np.testing.assert_allclose(found, mean / len(group), atol=1e-12)


@pytest.mark.parametrize(
    ("tensor", "number"),
    [
        (TensorType(), 1),
        (TensorType(copies=201), 201),
        (TensorType(1), 3),
        (TensorType(2), 9),
        (TensorType(2, "ij=ji"), 6),
        (TensorType(2, "ij=ji", copies=2), 12),
        (TensorType(3, "ijk=ikj"), 18),
        (TensorType(4, ELASTIC), 21),
    ],
)
def test_there_are_as_many_components_as_in_the_books(tensor, number):
    assert tensor.num_components == number


def degrees_by_characters(tensor):
    """How often each degree is in a tensor, by the orthogonality of characters.

    The trace of a rotation by φ on the tensors with a symmetry is the mean over its group of the
    products over the cycles of 1 + 2 cos(length φ); the measure of φ is (1 − cos φ)/π.
    """
    angle = (np.arange(64) + 0.5) * np.pi / 64  # exact for polynomials of cos φ of this degree
    group = PERMUTED.get(tensor.symmetry, [tuple(range(tensor.rank))])
    trace = np.zeros_like(angle)
    for one in group:
        left, product = set(range(tensor.rank)), np.ones_like(angle)
        while left:
            start = here = left.pop()
            length = 1
            while (here := one[here]) != start:
                left.remove(here)
                length += 1
            product *= 1 + 2 * np.cos(length * angle)
        trace += tensor.copies * product / len(group)
    found = {}
    for degree in range(tensor.rank + 1):
        own = sum(np.cos(m * angle) for m in range(-degree, degree + 1))
        times = np.mean((1 - np.cos(angle)) * own * trace)
        assert abs(times - round(times)) < 1e-9
        found[degree] = round(times)
    return found


@pytest.mark.parametrize("tensor", TYPES, ids=str)
def test_irreps_are_those_of_the_characters(tensor):
    irreps = tensor.irreps
    parity = (-1) ** tensor.rank * (-1 if tensor.axial else 1)
    assert {sign for _, sign in irreps} == {parity}
    counted = dict.fromkeys(range(tensor.rank + 1), 0)
    for degree, _ in irreps:
        counted[degree] += 1
    assert counted == degrees_by_characters(tensor)
    assert sum(2 * degree + 1 for degree, _ in irreps) == tensor.num_components


@pytest.mark.parametrize("tensor", [TensorType(2, "ij=ji"), TensorType(4, ELASTIC)], ids=str)
def test_a_cubic_group_leaves_as_many_constants_as_in_the_books(tensor):
    """Averaged over the 48 operations of m-3m a dielectric has 1 constant, an elastic tensor 3."""
    matrices = [
        np.eye(3)[list(order)] * np.array(signs)
        for order in itertools.permutations(range(3))
        for signs in itertools.product([1.0, -1.0], repeat=3)
    ]
    basis = tensor.from_components(np.eye(tensor.num_components))
    mean = sum(tensor.to_components(tensor.rotate(basis, one)) for one in matrices) / 48
    np.testing.assert_allclose(mean @ mean, mean, atol=1e-12)
    assert np.linalg.matrix_rank(mean) == {2: 1, 4: 3}[tensor.rank]


def test_shapes():
    assert TensorType().shape == ()
    assert TensorType(copies=4).shape == (4,)
    assert TensorType(2, copies=4).shape == (4, 3, 3)
    assert TensorType().is_scalar
    assert not TensorType(copies=2).is_scalar


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ((5,), "rank 0 to 4, got 5"),
        ((-1,), "rank 0 to 4"),
        ((2, "ij=jk"), "permutes the indices 'ij'.*got 'ij=jk'"),
        ((2, "ji=ij"), "got 'ji=ij'"),
        ((0, "ij=ji"), "rank 0"),
        ((0, "", False, 0), "at least 1 copy"),
    ],
)
def test_what_cannot_be_is_refused(arguments, message):
    with pytest.raises(TargetError, match=message):
        TensorType(*arguments)


def test_other_shapes_and_matrices_are_refused():
    with pytest.raises(TargetError, match=r"end in shape \(3,\), got \(2,\)"):
        TensorType(1).rotate(np.zeros(2), np.eye(3))
    with pytest.raises(TargetError, match="end in shape"):
        TensorType(2).to_components(np.zeros(3))
    with pytest.raises(TargetError, match="orthogonal"):
        TensorType(1).rotate(np.zeros(3), 2.0 * np.eye(3))
    with pytest.raises(TargetError, match="6 components"):
        TensorType(2, "ij=ji").from_components(np.zeros(5))
