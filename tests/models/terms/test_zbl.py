"""The universal repulsion: published numbers, where it ends, and a trained run at 0.5 Å."""

import numpy as np
import pytest
import torch

from xtalgraph.conventions.errors import ConfigError
from xtalgraph.crystals.crystal import Crystal
from xtalgraph.graphs.build import build_graph
from xtalgraph.graphs.strategies import Radius
from xtalgraph.models.terms.zbl import ZBL, screened_repulsion


def pair(first: int, second: int, distance: float) -> Crystal:
    positions = np.array([[0.0, 0.0, 0.0], [0.0, 0.0, distance]])
    return Crystal(np.eye(3), positions, np.array([first, second]), np.zeros(3, dtype=bool))


def energy(crystal: Crystal, **settings) -> float:
    graph = build_graph(crystal, Radius(5.0))
    return float(ZBL(ZBL.Config(**settings), 4, 5.0)(None, graph).sum())


def test_it_is_the_published_function():
    # Si-Si at 0.5 Å
    r, z = 0.5, 14.0
    a = 0.46850 / (2 * z**0.23)
    weights, exponents = (0.18175, 0.50986, 0.28022, 0.02817), (3.1998, 0.94229, 0.4029, 0.20162)
    phi = sum(c * np.exp(-d * r / a) for c, d in zip(weights, exponents, strict=True))
    by_hand = 14.399645 * z * z / r * phi
    one = torch.tensor([z], dtype=torch.float64)
    found = float(screened_repulsion(torch.tensor([r], dtype=torch.float64), one, one))
    assert found == pytest.approx(by_hand, rel=1e-7)
    assert phi == pytest.approx(0.083352, abs=1e-6)
    assert sum(weights) == pytest.approx(1.0)  # at no distance the nuclei are bare


def test_close_up_it_is_the_bare_repulsion_of_nuclei():
    assert energy(pair(8, 26, 1e-5)) == pytest.approx(14.399645478 * 8 * 26 / 1e-5, rel=1e-3)


def test_it_ends_at_the_covalent_radii_or_where_it_is_told():
    assert energy(pair(14, 14, 2.31)) > 0  # 2 · 1.16 Å
    assert energy(pair(14, 14, 2.33)) == 0
    assert energy(pair(14, 14, 2.33), outer=3.0) > energy(pair(14, 14, 2.9), outer=3.0) > 0
    assert energy(pair(14, 14, 3.01), outer=3.0) == 0


def test_it_may_not_end_beyond_the_cutoff():
    with pytest.raises(ConfigError, match=r"outer must be at most graph.cutoff, 5 Å, got 6 Å"):
        energy(pair(14, 14, 2.0), outer=6.0)
