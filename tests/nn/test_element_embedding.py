"""The start of an atom's vector, from three kinds of features."""

import numpy as np
import pytest
import torch
from torch import nn

from xtalgraph.conventions.errors import ConfigError
from xtalgraph.crystals.crystal import Crystal
from xtalgraph.graphs.build import build_graph
from xtalgraph.graphs.strategies import Radius
from xtalgraph.nn.element_embedding import ElementEmbedding, rows_of_elements
from xtalgraph.nn.element_features import binned_element_features
from xtalgraph.testing.crystals import contract_crystals

GRAPH = build_graph(contract_crystals()["cubic"], Radius(4.0))


def test_binned_is_a_linear_layer_on_the_bins_to_the_bit():
    torch.manual_seed(0)
    ours = ElementEmbedding(7)
    torch.manual_seed(0)
    linear = nn.Linear(93, 7)
    assert torch.equal(ours(GRAPH), linear(binned_element_features())[GRAPH.number])
    assert sorted(ours.state_dict()) == ["bias", "weight"]


def test_embedding_is_that_of_torch():
    ours = ElementEmbedding(7, "embedding")
    theirs = nn.Embedding.from_pretrained(ours.weight.detach().T)
    torch.testing.assert_close(ours(GRAPH), theirs(GRAPH.number))
    torch.manual_seed(1)
    std = ElementEmbedding(500, "embedding").weight
    assert float(std.detach().std()) == pytest.approx(1, abs=0.02)


def test_neighbours_in_the_table_start_near_each_other_unless_embedded():
    potassium, rubidium, oxygen = 19, 37, 8

    def ratio(features: str) -> float:
        torch.manual_seed(0)
        table = ElementEmbedding(64, features).table().detach()
        near = (table[potassium] - table[rubidium]).norm()
        return float(near / (table[potassium] - table[oxygen]).norm())

    assert ratio("continuous") < 0.3
    assert ratio("binned") < 0.7
    assert 0.8 < ratio("embedding") < 1.25


def test_unknown_features_are_refused():
    with pytest.raises(ConfigError, match="binned, continuous, embedding, got 'magpie'"):
        ElementEmbedding(7, "magpie")


def test_a_disordered_site_starts_from_the_mean_of_its_species():
    cell, sites = 2.98 * (1 - np.eye(3)), np.array([[0.0, 0, 0], [2.98, 2.98, 2.98]])
    crystals = [
        Crystal.from_sites(cell, sites, ({11: 0.5, 19: 0.5}, {17: 1.0})),
        Crystal.from_sites(cell, sites, ({11: 0.25, 19: 0.5}, {17: 1.0})),  # a quarter is empty
    ]
    table = torch.arange(119.0, dtype=torch.float64).unsqueeze(1)
    rows = rows_of_elements(table, build_graph(crystals, Radius(4.0))).squeeze(1)
    assert rows.tolist() == [15, 17, 0.25 * 11 + 0.5 * 19, 17]
