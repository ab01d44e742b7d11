"""The sums over neighbors of MACE and their products hold the power spectrum of SOAP."""

from math import isqrt

import numpy as np
import pytest
import torch
from ase import Atoms
from scipy.special import ive

from xtalgraph.crystals.crystal import Crystal
from xtalgraph.graphs.build import build_graph
from xtalgraph.graphs.strategies import Radius
from xtalgraph.nn.equivariant.convolution import Convolution
from xtalgraph.nn.equivariant.harmonics import SphericalHarmonics
from xtalgraph.nn.equivariant.irreps import harmonic
from xtalgraph.nn.equivariant.surroundings import Surroundings
from xtalgraph.nn.equivariant.symmetric_products import monomials, symmetric_products

RADIALS, DEGREE, SIGMA = 4, 4, 0.5
SCALAR = (0, 1)


def soap_radials(distance: np.ndarray) -> np.ndarray:
    """∫ g_nl(r) 4π exp(−(r² + d²)/2σ²) i_l(rd/σ²) r² dr of dscribe's g; (degrees, rows, n)."""
    soap = spectrum()
    alphas = soap._alphas.reshape(DEGREE + 1, RADIALS)
    betas = soap._betas.reshape(DEGREE + 1, RADIALS, RADIALS)
    nodes, weights = np.polynomial.legendre.leggauss(400)
    r, weights = 6.0 * (nodes + 1.0), 6.0 * weights  # 0 to 12 Å
    values = []
    for degree in range(DEGREE + 1):
        basis = betas[degree] @ (r**degree * np.exp(-alphas[degree][:, None] * r**2))
        x = r * distance[:, None] / SIGMA**2
        bessel = np.sqrt(np.pi / (2 * x)) * ive(degree + 0.5, x)  # times exp(−x)
        smeared = 4 * np.pi * np.exp(-((r - distance[:, None]) ** 2) / (2 * SIGMA**2)) * bessel
        values.append(smeared @ (basis * weights * r**2).T)
    return np.array(values)


def spectrum():
    descriptors = pytest.importorskip("dscribe.descriptors")
    return descriptors.SOAP(
        species=["H"], r_cut=5.0, n_max=RADIALS, l_max=DEGREE, sigma=SIGMA, periodic=False
    )


def test_soap_is_products_of_two_sums_of_the_first_layer():
    around = np.random.default_rng(0).normal(size=(6, 3)) * 1.6
    theirs = spectrum().create(Atoms("H6", around), centers=[[0.0, 0.0, 0.0]])[0]
    positions = np.concatenate([np.zeros((1, 3)), around])
    crystal = Crystal(40.0 * np.eye(3), positions, np.array([14] + [1] * 6), np.zeros(3, bool))
    graph = build_graph(crystal, Radius(6.0))

    surroundings = Surroundings.of(graph, SphericalHarmonics(DEGREE), torch.float64)
    outputs = [harmonic(degree) for degree in range(DEGREE + 1)]
    convolution = Convolution({SCALAR: RADIALS}, DEGREE, outputs)
    radial = soap_radials(surroundings.distance.numpy()).transpose(1, 0, 2)
    ones = torch.ones(len(positions), 1, RADIALS)
    sums = convolution({SCALAR: ones}, torch.from_numpy(radial).flatten(1), surroundings)
    center = torch.cat([sums[irrep][0] for irrep in outputs]).numpy() / (4 * np.pi) ** 0.5

    couplings = symmetric_products(DEGREE, 2, SCALAR)[:, 0]
    rows = monomials(len(center), 2)
    squares = np.zeros((DEGREE + 1, len(rows)))
    for column, (one, other) in enumerate(rows):
        squares[isqrt(one), column] = float(one == other)
    weights = squares @ np.linalg.pinv(couplings)
    np.testing.assert_allclose(weights @ couplings, squares, atol=1e-12)

    def invariants(channel: np.ndarray) -> np.ndarray:
        products = np.array([channel[one] * channel[other] for one, other in rows])
        return weights @ couplings @ products

    ours = []
    for n in range(RADIALS):
        for m in range(n, RADIALS):  # linear maps of channels make products of two of squares
            plus, minus = center[:, n] + center[:, m], center[:, n] - center[:, m]
            ours.append((invariants(plus) - invariants(minus)) / 4)
    factors = np.pi * np.sqrt(8 / (2 * np.arange(DEGREE + 1) + 1))
    expected = theirs.reshape(DEGREE + 1, -1)
    found = (np.array(ours) * factors).T
    np.testing.assert_allclose(found, expected, rtol=0, atol=1e-10 * np.abs(expected).max())
    assert np.abs(expected).min(axis=1).max() > 1e-6
