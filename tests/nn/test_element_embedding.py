"""Features of elements, and the start of an atom's vector from each of the three kinds."""

import numpy as np
import pytest
import torch
from pymatgen.core import Element
from torch import nn

from xtalgraph.conventions.element_table import property_of
from xtalgraph.conventions.elements import ATOMIC_NUMBERS
from xtalgraph.conventions.errors import ConfigError
from xtalgraph.crystals.crystal import Crystal
from xtalgraph.graphs.build import build_graph
from xtalgraph.graphs.strategies import Radius
from xtalgraph.nn.element_embedding import (
    CGCNN_BINS,
    CONTINUOUS,
    ElementEmbedding,
    binned_element_features,
    continuous_element_columns,
    continuous_element_features,
    rows_of_elements,
)
from xtalgraph.testing.crystals import contract_crystals

WIDTHS = [18, 9, 10, 10, 12, 10, 10, 4, 10]  # supplement of the CGCNN paper


def bins_of(symbol):
    row = binned_element_features()[ATOMIC_NUMBERS[symbol]]
    return [part.nonzero().flatten().tolist() for part in row.split(WIDTHS)]


def test_widths_are_those_of_the_paper():
    assert [bins.count for bins in CGCNN_BINS] == WIDTHS
    features = binned_element_features()
    assert features.shape == (119, 93)
    assert features.dtype == torch.float32
    assert features[0].sum() == 0


def test_sodium_by_hand():
    group, period, chi, radius, valence, ionization, affinity, block, volume = bins_of("Na")
    assert group == [0]
    assert period == [2]
    assert chi == [1]  # 0.93 is in 0.85 to 1.20
    assert radius == [5]  # 155 pm is in 137.5 to 160
    assert valence == [0]
    assert ionization == [1]  # ln 5.139 = 1.637 is in 1.5 to 1.7
    assert affinity == [5]  # 0.548 is in 0.35 to 1.02
    assert block == [0]
    assert volume == [5]  # ln 23.7 = 3.166 is in 2.90 to 3.18


def test_oxygen_and_iron_by_hand():
    # chi 3.44 in 3.30 to 3.65; 63 pm in 47.5 to 70; ln 13.618 = 2.611 in 2.5 to 2.7;
    # 1.461 in 1.02 to 1.69; ln 14.0 = 2.64 in 2.62 to 2.90
    assert bins_of("O") == [[15], [1], [8], [1], [5], [6], [6], [1], [4]]
    # chi 1.83 in 1.55 to 1.90; 116 pm in 115 to 137.5; ln 7.902 = 2.067 in 1.9 to 2.1;
    # 0.151 in -0.32 to 0.35; ln 7.10 = 1.96 in 1.78 to 2.06
    assert bins_of("Fe") == [[7], [3], [3], [4], [7], [3], [4], [2], [1]]


def test_what_is_not_known_has_no_bin():
    argon = bins_of("Ar")
    assert argon[2] == []
    assert argon[6] == []
    assert [len(part) for part in argon] == [1, 1, 0, 1, 1, 1, 0, 1, 1]


def test_values_outside_the_range_fall_into_the_end_bins():
    assert bins_of("Lu")[4] == [11]  # 17 valence electrons
    assert bins_of("Fr")[8] == [9]  # 119 cm³/mol, beyond e^4.3 = 73.7
    assert bins_of("Cl")[6] == [9]  # 3.61 is inside the last bin


def test_lanthanides_and_actinides_are_periods_of_their_own():
    features = binned_element_features()
    for z in range(1, 119):
        element = Element.from_Z(z)
        expected = 8 if 57 <= z <= 71 else 9 if 89 <= z <= 103 else element.row
        assert features[z, 18:27].nonzero().flatten().tolist() == [expected - 1]


def test_elements_of_the_perovskites_are_told_apart():
    features = binned_element_features()
    numbers = [z for z in range(1, 84) if not 57 <= z <= 71]
    assert len(torch.unique(features[numbers], dim=0)) == len(numbers)


def test_continuous_columns_are_standardised_and_say_what_is_missing():
    features = continuous_element_features()
    assert features.dtype == torch.float32
    assert torch.isfinite(features).all()
    assert (features[0] == 0).all()
    columns = continuous_element_columns()
    assert len(columns) == features.shape[1]
    for name in CONTINUOUS:
        if name == "block":
            continue
        column = features[:, columns.index(name)]
        values = property_of(name)
        known = np.isfinite(values)
        assert column[known].mean() == pytest.approx(0, abs=1e-6)
        assert column[known].std(correction=0) == pytest.approx(1, abs=1e-6)
        assert (column[~known] == 0).all()
        if known[1:].all():
            assert f"{name} unknown" not in columns
        else:
            flag = features[1:, columns.index(f"{name} unknown")]
            assert (flag.numpy() == ~known[1:]).all()
    sodium, magnesium = features[11], features[12]
    assert magnesium[0] - sodium[0] == pytest.approx(1 / np.nanstd(property_of("group")))


def test_continuous_columns_hold_every_property_asked_for():
    assert {
        "group",
        "period",
        "block",
        "valence_electrons",
        "electronegativity",
        "covalent_radius",
        "vdw_radius",
        "first_ionization_energy",
        "electron_affinity",
        "lowest_oxidation_state",
        "highest_oxidation_state",
        "common_oxidation_state",
    } <= set(CONTINUOUS)
    first = continuous_element_columns().index("block s")
    blocks = continuous_element_features()[:, first : first + 4]
    assert [blocks[z].argmax().item() for z in (11, 17, 26, 60)] == [0, 1, 2, 3]
    assert (blocks[1:].sum(dim=1) == 1).all()


def test_continuous_columns_tell_all_elements_apart():
    assert len(torch.unique(continuous_element_features(), dim=0)) == 119


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
