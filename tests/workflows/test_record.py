"""What the record says of a model: resolved values, and only those that are read."""

import ast
import shlex
from pathlib import Path
from typing import get_args

import pytest
import torch

from xtalgraph.models.registry import ENCODERS
from xtalgraph.nn.radial import BasisName
from xtalgraph.workflows.config import RunConfig
from xtalgraph.workflows.record import model_fields, repeat_command


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
def test_the_basis_is_that_which_was_made(basis):
    recorded = fields("cgcnn", basis=basis)
    assert ("basis size" in recorded) == (basis in ("bessel", "chebyshev"))
    assert ("basis step" in recorded) == (basis == "gaussian")
    expected = {
        "gaussian": "41 Gaussians from 0 to 8 Å every 0.2 Å, standard deviation 0.1414 Å",
        "bessel": "16 Bessel functions up to 8 Å",
        "chebyshev": "16 Chebyshev polynomials up to 8 Å",
        "lecture": "51 Gaussians from 0 to 5 Å every 0.1 Å, standard deviation 0.2 Å",
        "cgcnn": "41 Gaussians from 0 to 8 Å every 0.2 Å, standard deviation 0.1414 Å",
    }
    assert recorded["radial basis"] == expected[basis]


def test_what_is_recorded_is_what_the_weights_were_made_for():
    # Where the step does not go into the cutoff, the grid has another one: 0.2002 Å.
    sections = {"data": {"path": "a.csv", "target": "y"}, "graph": {"cutoff": 8.01}}
    spec = RunConfig.from_sections(sections | {"model": {"name": "xgn", "angle_depth": 1}}).spec
    recorded, encoder = model_fields(spec), spec.make_model().encoder
    count = encoder.of_length.in_features
    assert recorded["radial basis"].startswith(f"{count} Gaussians from 0 to 8.01 Å every 0.2002 Å")
    count = encoder.angle_blocks[0].of_angle.in_features
    assert recorded["angular basis"] == f"{count} Chebyshev polynomials of the cosine"


def test_a_basis_that_nothing_reads_is_not_recorded():
    assert "angular basis" not in fields("xgn")
    assert "angular basis" not in fields("alignn", angle_neighbors=0)
    assert fields("gemnet")["radial basis"] == "6 Bessel functions up to 8 Å"
    assert {"angular basis", "dihedral basis"} <= set(fields("gemnet"))
    degree = fields("gcn", alpha="degree", aggregator="sum")
    assert degree["radial basis"] == "none: distances are not read"
    assert "basis step" not in degree


def test_to_record_a_model_draws_no_random_numbers():
    before = torch.get_rng_state()
    fields("xgn")
    assert torch.equal(torch.get_rng_state(), before)


@pytest.mark.parametrize("verb", ["train", "pretrain", "train-generator"])
def test_the_command_that_repeats_is_one_of_a_shell_or_of_python(verb):
    folder = Path("runs/it's here")
    words = shlex.split(repeat_command(verb, shlex.join(["my file.csv", "b.csv"]), folder))
    config = str(folder / "config.yaml")
    assert words == ["xtalgraph", verb, "my file.csv", "b.csv", "--config", config,
                     "--out", "NEW_RUN"]  # fmt: skip
    call = ast.parse(repeat_command(verb, "<DataFrame in memory>", folder)).body[0].value
    assert call.func.attr == verb.replace("-", "_")
    assert [word.value.value for word in call.keywords if word.arg == "config"] == [config]
    assert repeat_command(verb, shlex.quote("<DataFrame in memory>"), folder).endswith(")")
