"""What the record says of a model: resolved values, and only those that are read."""

from typing import get_args

import pytest

from xtalgraph.models.registry import ENCODERS
from xtalgraph.nn.radial import BasisName
from xtalgraph.workflows.config import RunConfig
from xtalgraph.workflows.record import model_fields


def fields(name, kind="intensive", **settings):
    sections = {
        "data": {"path": "a.csv", "target": "y", "kind": kind},
        "model": {"name": name, **settings},
    }
    return model_fields(RunConfig.from_sections(sections).spec)


@pytest.mark.parametrize("name", ENCODERS)
@pytest.mark.parametrize("kind", ["intensive", "extensive", "atomic"])
def test_the_readout_is_named(name, kind):
    assert fields(name, kind)["readout"] not in ("auto", "")


def test_the_readout_is_that_which_follows():
    assert fields("xgn")["readout"] == "attention"
    assert fields("cgcnn")["readout"] == "mean"
    assert fields("megnet")["readout"] == "set2set"
    assert fields("xgn", "extensive")["readout"] == "sum"
    assert fields("xgn", readout="mean")["readout"] == "mean"


def test_angles_are_spoken_of_where_they_are_read():
    without = fields("xgn")
    assert [key for key in without if key.startswith("angle")] == ["angle depth"]
    read = fields("xgn", angle_depth=2)
    assert read["angle depth"] == 2
    assert {"angle width", "angle basis", "angle cutoff", "angle neighbors"} <= set(read)
    assert "angle cutoff" not in fields("alignn", angle_neighbors=0)
    assert "angle cutoff" in fields("gemnet")


@pytest.mark.parametrize("basis", get_args(BasisName))
def test_the_radial_grid_is_that_of_the_basis(basis):
    said = fields("cgcnn", basis=basis)
    assert ("basis size" in said) == (basis in ("bessel", "chebyshev"))
    assert ("basis step" in said) == (basis == "gaussian")
    expected = {
        "gaussian": "Gaussians from 0 to 8 Å every 0.2 Å, standard deviation 0.1414 Å",
        "bessel": "16 Bessel functions up to 8 Å",
        "chebyshev": "16 Chebyshev functions up to 8 Å",
    }
    assert said["radial grid"] == expected.get(basis, f"the Gaussians of {basis}")
    assert fields("gemnet")["radial grid"] == "6 Bessel functions up to 8 Å"
    degree = fields("gcn", alpha="degree", aggregator="sum")
    assert degree["radial grid"] == "none: distances are not read"
