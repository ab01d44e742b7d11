"""The cluster expansion against counts of invariants, Legendre polynomials, and its derivatives."""

import numpy as np
import pytest
from ase.build import bulk
from scipy.special import eval_legendre
from scipy.stats import special_ortho_group

from xtalgraph.crystals import transforms
from xtalgraph.crystals.convert import from_ase
from xtalgraph.graphs.neighbors import neighbors_within
from xtalgraph.nn.linear_potential.ace_basis import AceBasis
from xtalgraph.nn.linear_potential.pair_basis import PairBasis


@pytest.fixture(scope="module")
def basis():
    return AceBasis([29, 47], cutoff=4.0, limits=(5, 4))


def invariants(order: int, limit: int) -> int:
    """The number of invariants of so many factors and no smaller or larger sum of n and l.

    By Molien: the mean over O(3) of the character of the symmetric power. A channel of degree l has
    the character x^(n + l) χ_l of a rotation, and its inversion (−1)^l times that.
    """
    angles = (np.arange(64) + 0.5) * np.pi / 64
    weights = (1 - np.cos(angles)) / 64  # Haar measure of the angle; exact for low degrees

    def power(times: int, sign: int) -> np.ndarray:
        """The character of the power of a group element, as coefficients of x."""
        values = np.zeros((len(angles), limit + 1))
        for degree in range(limit + 1):
            orders = np.arange(-degree, degree + 1)[:, None]
            character = np.cos(orders * times * angles).sum(axis=0) * sign ** (degree * times)
            for n in range(limit + 1 - degree):
                if times * (n + degree) <= limit:
                    values[:, times * (n + degree)] += character
        return values

    def times(a: np.ndarray, b: np.ndarray) -> np.ndarray:
        return np.stack([np.convolve(x, y)[: limit + 1] for x, y in zip(a, b, strict=True)])

    total = 0.0
    for sign in (1, -1):
        one, two, three = (power(k, sign) for k in (1, 2, 3))
        square = times(one, one)
        symmetric = (
            (square + two) / 2
            if order == 2
            else (times(square, one) + 3 * times(one, two) + 2 * three) / 6
        )
        total += float(weights @ symmetric.sum(axis=1)) / 2
    return round(total)


@pytest.mark.parametrize("limits", [(5, 4), (6, 7), (12, 10)])
def test_there_are_as_many_functions_as_invariants(limits):
    orders = [len(product) for product in AceBasis([14], limits=limits).products]
    for order, limit in zip((2, 3), limits, strict=True):
        assert orders.count(order) == invariants(order, limit)


def test_no_function_depends_linearly_on_others():
    silicon = AceBasis([14], cutoff=4.0, limits=(6, 6))
    rows = []
    for seed in range(40):
        atoms = bulk("Si", cubic=True)
        atoms.rattle(0.4, seed=seed)
        sums, *_ = silicon.sums(from_ase(atoms))
        ones = np.ones((len(sums), 1))
        rows.append(silicon.terms.evaluate(np.hstack([sums, ones]))[0])
    table = np.concatenate(rows)
    table /= np.linalg.norm(table, axis=0)
    values = np.linalg.svd(table, compute_uv=False)
    assert len(table) > len(silicon.products)
    assert values[-1] > 1e-9 * values[0]


def test_products_of_two_are_sums_of_legendre_polynomials_over_pairs_of_neighbors(alloy, basis):
    crystal = from_ase(alloy)
    edges = neighbors_within(crystal, 4.0)
    ends = crystal.positions[edges.neighbor] + edges.image @ crystal.cell
    vector = ends - crystal.positions[edges.center]
    highest = max(n for _, n, _ in basis.channels)
    radial, _ = PairBasis([29, 47], 4.0, highest + 1).radial(edges.distance)
    around = np.searchsorted(basis.elements, crystal.numbers[edges.neighbor])
    unit = vector / edges.distance[:, None]
    ours = basis.design(crystal).energy[basis.pairs.columns :].reshape(2, -1)
    for place, product in enumerate(basis.products):
        if len(product) > 2:
            continue
        (z, n, degree), (other, k, _) = product
        expected = np.zeros(2)
        for atom, number in enumerate(crystal.numbers):
            first, second = (
                np.flatnonzero((edges.center == atom) & (around == e)) for e in (z, other)
            )
            cosine = np.clip(unit[first] @ unit[second].T, -1, 1)
            pairs = (2 * degree + 1) * eval_legendre(degree, cosine)
            value = radial[first, n] @ pairs @ radial[second, k]
            expected[np.searchsorted(basis.elements, number)] += value
        assert ours[:, place] == pytest.approx(expected, rel=1e-9, abs=1e-9), product


def test_energies_do_not_turn_with_the_crystal_nor_depend_on_its_description(alloy, basis):
    crystal = from_ase(alloy)
    expected = basis.design(crystal).energy
    rotation = special_ortho_group.rvs(3, random_state=0)
    scale = np.abs(expected).max()
    for matrix in (rotation, -rotation):
        turned = basis.design(transforms.rotate(crystal, matrix))
        assert turned.energy == pytest.approx(expected, abs=1e-10 * scale)
    twice = basis.design(transforms.supercell(crystal, (2, 1, 1))).energy
    assert twice == pytest.approx(2 * expected, abs=1e-10 * scale)


def test_forces_and_stress_are_differences_of_energies(basis, check_derivatives):
    check_derivatives(basis, step=1e-5, differences=1e-6, rounding=1e-9)


def test_atoms_of_other_elements_are_left_out(alloy):
    copper = AceBasis([29], cutoff=4.0, limits=(3, 3))
    without = alloy[[0, 2]]
    whole, part = (copper.design(from_ase(atoms)) for atoms in (alloy, without))
    assert whole.energy == pytest.approx(part.energy)
    assert whole.forces[[0, 2]] == pytest.approx(part.forces)
    assert not whole.forces[1].any()


def test_more_elements_have_products_of_lower_degree():
    sizes = [AceBasis(range(1, count + 1)) for count in (1, 2, 3)]
    assert [basis.columns - basis.pairs.columns for basis in sizes] == [506, 1922, 1887]
    highest = [max(n + degree for _, n, degree in basis.channels) for basis in sizes]
    assert highest == [12, 9, 6]
