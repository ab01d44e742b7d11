"""A generator on disk is the one in memory; what is damaged or something else is named."""

import json

import numpy as np
import pytest
import torch

from xtalgraph.conventions.errors import RunError
from xtalgraph.crystals.crystal import Crystal
from xtalgraph.models.checkpoint import load_model
from xtalgraph.models.generation.generator import Generator, is_generator, save_generator
from xtalgraph.models.generation.generator_settings import GeneratorConfig
from xtalgraph.models.generation.network import FlowNetwork


def crystal(*numbers):
    sites = np.random.default_rng(0).random((len(numbers), 3))
    return Crystal.from_fractional(4 * np.eye(3), sites, np.array(numbers))


@pytest.fixture
def saved(tmp_path):
    torch.manual_seed(0)
    network = FlowNetwork(GeneratorConfig(atom_width=8, passes=1, waves=2))
    learned = [crystal(38, 22, 8), crystal(8, 38, 22), crystal(12, 8)]
    save_generator(tmp_path, network, learned, {"manifest": True})
    return tmp_path, network


def test_it_is_read_back_to_the_bit(saved):
    folder, network = saved
    generator = Generator.load(folder)
    assert is_generator(folder)
    assert generator.elements == (8, 12, 22, 38)
    assert generator.compositions == {"MgO": 1, "SrTiO": 2}
    state = generator.network.state_dict()
    assert all(torch.equal(value, state[name]) for name, value in network.state_dict().items())
    assert not generator.network.training


def test_what_is_damaged_or_predicts_is_named(saved, tmp_path):
    folder, network = saved
    with pytest.raises(RunError, match="holds a generator, which draws crystals"):
        load_model(folder)
    document = json.loads((folder / "model.json").read_text(encoding="utf-8"))
    for change, message in (
        ({"weights_sha256": "0"}, "does not match the checksum"),
        ({"generator": {"atom_width": 16}}, "weights of another network"),
        ({"generator": {"width": 16}}, "is damaged"),
        ({"format": 99}, "newer xtalgraph"),
        ({"compositions": 3}, "is damaged"),
    ):
        (folder / "model.json").write_text(json.dumps(document | change), encoding="utf-8")
        with pytest.raises(RunError, match=message):
            Generator.load(folder)
    torch.nn.init.constant_(network.sites.weight, float("nan"))
    with pytest.raises(RunError, match="not all finite"):
        save_generator(folder, network, [crystal(8)], {})
    assert not is_generator(tmp_path / "other")
