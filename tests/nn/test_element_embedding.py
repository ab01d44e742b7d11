"""The start of an atom's vector, from three kinds of features."""

import pytest
import torch
from torch import nn

from xtalgraph.conventions.errors import ConfigError
from xtalgraph.nn.element_embedding import ElementEmbedding
from xtalgraph.nn.element_features import binned_element_features

NUMBER = torch.tensor([8, 26, 8, 92])


def test_binned_is_a_linear_layer_on_the_bins_to_the_bit():
    torch.manual_seed(0)
    ours = ElementEmbedding(7)
    torch.manual_seed(0)
    linear = nn.Linear(93, 7)
    assert torch.equal(ours(NUMBER), linear(binned_element_features())[NUMBER])
    assert sorted(ours.state_dict()) == ["bias", "weight"]


def test_embedding_is_that_of_torch():
    ours = ElementEmbedding(7, "embedding")
    theirs = nn.Embedding.from_pretrained(ours.weight.detach().T)
    torch.testing.assert_close(ours(NUMBER), theirs(NUMBER))
    torch.manual_seed(1)
    std = ElementEmbedding(500, "embedding").weight
    assert float(std.detach().std()) == pytest.approx(1, abs=0.02)


def test_neighbours_in_the_table_start_near_each_other_unless_embedded():
    potassium, rubidium, oxygen = torch.tensor([19, 37, 8])

    def ratio(features: str) -> float:
        torch.manual_seed(0)
        embed = ElementEmbedding(64, features)
        near = (embed(potassium[None]) - embed(rubidium[None])).norm()
        return float((near / (embed(potassium[None]) - embed(oxygen[None])).norm()).detach())

    assert ratio("continuous") < 0.3
    assert ratio("binned") < 0.7
    assert 0.8 < ratio("embedding") < 1.25


def test_unknown_features_are_refused():
    with pytest.raises(ConfigError, match="binned, continuous, embedding, got 'magpie'"):
        ElementEmbedding(7, "magpie")
