"""Features and weights of edges and triplets against their definitions, full and reduced."""

import math

import numpy as np
import pytest
import torch

from xtalgraph.graphs.angles import Angles
from xtalgraph.graphs.build import build_graph
from xtalgraph.graphs.reduction import reduce_graph
from xtalgraph.graphs.strategies import Radius
from xtalgraph.nn.angular import ChebyshevAngles
from xtalgraph.nn.envelope import CosineEnvelope
from xtalgraph.nn.expansion import EdgeExpansion, TripletExpansion
from xtalgraph.nn.radial import GaussianBasis
from xtalgraph.testing.crystals import contract_crystals

CRYSTAL = contract_crystals()["cubic"]
FULL = build_graph(CRYSTAL, Radius(4.0), angles=Angles(4.0))
EDGES = EdgeExpansion(GaussianBasis(0.0, 4.0, 1.0, 0.5), CosineEnvelope(4.0))
TRIPLETS = TripletExpansion(ChebyshevAngles(3), CosineEnvelope(4.0))


def test_an_edge_has_gaussians_of_its_length_and_fades():
    found = EDGES(FULL, torch.float64)
    positions, cell = CRYSTAL.positions, CRYSTAL.cell
    for k in range(0, len(FULL.center), 7):
        i, j = int(FULL.center[k]), int(FULL.neighbor[k])
        length = np.linalg.norm(positions[j] + FULL.image[k].numpy() @ cell - positions[i])
        gaussians = [math.exp(-2.0 * (length - center) ** 2) for center in range(5)]
        fade = 0.5 * (math.cos(math.pi * length / 4.0) + 1.0)
        assert found.features[k].tolist() == pytest.approx(gaussians, rel=1e-10)
        assert found.envelope[k].item() == pytest.approx(fade, rel=1e-9, abs=1e-14)
        assert found.weight[k].tolist() == [found.envelope[k].item()]


def test_a_triplet_has_polynomials_of_its_cosine_and_fades_with_both_edges():
    found = TRIPLETS(FULL, torch.float64)
    vector, fade = FULL.vector.numpy(), EDGES(FULL, torch.float64).envelope
    for k in range(0, len(FULL.receiving_edge), 31):
        r, s = int(FULL.receiving_edge[k]), int(FULL.sending_edge[k])
        a, b = -vector[r], vector[s]  # both from the neighbor of r, where the angle is
        cosine = a @ b / np.linalg.norm(a) / np.linalg.norm(b)
        polynomials = [1.0, cosine, 2.0 * cosine**2 - 1.0]
        assert found.features[k].tolist() == pytest.approx(polynomials, abs=1e-9)
        assert found.envelope[k].item() == pytest.approx(float(fade[r] * fade[s]), rel=1e-12)


@pytest.mark.parametrize("expand", [EDGES, TRIPLETS], ids=["edges", "triplets"])
def test_weights_count_what_a_reduced_graph_leaves_out(expand):
    reduced = reduce_graph(FULL)
    full, few = expand(FULL, torch.float64), expand(reduced, torch.float64)
    assert len(few.weight) < len(full.weight)
    # Each row of a sum counts as often as its multiplicity; its receiver stands for several, too.
    receiver = reduced.center if expand is EDGES else reduced.center[reduced.receiving_edge]
    times = reduced.atom_multiplicity[receiver].double()
    if expand is TRIPLETS:
        times = times * reduced.edge_multiplicity[reduced.receiving_edge]
    expected = (full.weight * full.features).sum(dim=0)
    found = (times.unsqueeze(-1) * few.weight * few.features).sum(dim=0)
    torch.testing.assert_close(found, expected, rtol=1e-6, atol=1e-6)


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_the_dtype_is_that_which_is_asked_for(dtype):
    for expand in (EDGES, TRIPLETS):
        found = expand(FULL, dtype)
        assert {found.features.dtype, found.envelope.dtype, found.weight.dtype} == {dtype}
