"""Compiled steps of a training are those of the model as it is, for batches of any size."""

import dataclasses

import numpy as np
import pytest
import torch
from ase.build import bulk

from xtalgraph.conventions.errors import ConfigError
from xtalgraph.crystals.convert import from_ase
from xtalgraph.data.potential_targets import energy_target, forces_target, stress_target
from xtalgraph.graphs.graph import Scope
from xtalgraph.models.spec import ModelSpec
from xtalgraph.training import compiled_steps
from xtalgraph.training.examples import Examples, Labels
from xtalgraph.training.loop import Trainer
from xtalgraph.training.settings import TrainingConfig

pytestmark = pytest.mark.usefixtures("sizes_are_symbols")
TARGETS = (energy_target(), forces_target(), stress_target())
CONFIG = TrainingConfig(
    epochs=2,
    batch_size=16,
    batch_by="atoms",
    precision="64-true",
    weights={"energy": 0.1, "stress": 0.1},
    final_weights={"energy": 3.0},
    final_part=0.5,
)
COMPILED = dataclasses.replace(CONFIG, compile=True)
SMALL = {
    "allegro": {"edge_width": 4, "channels": 2, "depth": 1, "hidden": 4, "radials": 4},
    "cace": {"width": 4, "channels": 3, "element_width": 2, "radials": 4},
    "mace": {"channels": 4, "correlation": 2, "degree": 1, "radials": 4, "radial_width": 8},
    "nequip": {"channels": 4, "depth": 2, "radials": 4, "radial_width": 8},
    "schnet": {"width": 12, "filters": 12, "depth": 2, "basis_step": 0.25},
}
ELEMENTS = {"mace", "nequip"}
FEW = {"nequip", "schnet"}
"""Those whose training is compiled by `make test`; the others take longer together."""


def spec_of(encoder, **settings):
    made = {"envelope": "polynomial"} | SMALL[encoder] | settings
    if encoder in ELEMENTS:
        made["elements"] = ["Na", "Cl", "K"]
    return ModelSpec(encoder, made, "auto", "radius", {"cutoff": 4.0}, TARGETS)


def cells(count):
    """Cells of one to sixteen atoms of three elements, rattled."""
    rng = np.random.default_rng(0)
    for number in range(count):
        atoms = [
            bulk("NaCl", "rocksalt", 5.64),
            bulk("NaCl", "rocksalt", 5.64, cubic=True) * (1, 1, 1 + number % 2),
            bulk("K", "bcc", 4.6),
        ][number % 3]
        atoms.rattle(0.1, rng=rng)
        yield from_ase(atoms)


def examples(spec, count):
    """Random labels, some of them missing."""
    rng = np.random.default_rng(1)
    graph = spec.make_graph(list(cells(count)))
    energy = torch.from_numpy(rng.normal(size=count))
    energy[2] = torch.nan
    forces = torch.from_numpy(rng.normal(size=(len(graph.number), 3)))
    stress = torch.from_numpy(rng.normal(size=(count, 3, 3)))
    labels = {
        "energy": Labels(energy, Scope.CRYSTAL),
        "forces": Labels(forces, Scope.ATOM),
        "stress": Labels(stress + stress.mT, Scope.CRYSTAL),
    }
    return Examples(graph, labels)


def trainer(folder, spec, config):
    torch.manual_seed(0)
    return Trainer(spec.make_model(), examples(spec, 9), examples(spec, 3), config, folder, "")


@pytest.mark.parametrize(
    "encoder",
    [name if name in FEW else pytest.param(name, marks=pytest.mark.long) for name in SMALL],
)
@pytest.mark.usefixtures("traced_alone")
def test_a_compiled_training_is_the_same(tmp_path, encoder):
    plain, compiled_too = (
        trainer(tmp_path / name, spec_of(encoder), config)
        for name, config in (("plain", CONFIG), ("compiled", COMPILED))
    )
    losses = [row["train_loss"] for row in plain.fit().history]
    again = [row["train_loss"] for row in compiled_too.fit().history]
    np.testing.assert_allclose(again, losses, rtol=1e-8)
    for name, value in plain.model.state_dict().items():
        torch.testing.assert_close(
            compiled_too.model.state_dict()[name], value, rtol=1e-5, atol=1e-7
        )


@pytest.mark.usefixtures("traced_alone")
def test_weights_without_a_gradient_at_first_learn_later(tmp_path):
    losses = []
    for name, config in (("plain", CONFIG), ("compiled", COMPILED)):
        made = trainer(tmp_path / name, spec_of("schnet"), config)
        with torch.no_grad():
            for weight in made.model.head.parameters():
                weight.zero_()
        before = {key: value.clone() for key, value in made.model.encoder.named_parameters()}
        losses.append([row["train_loss"] for row in made.fit().history])
        moved = dict(made.model.encoder.named_parameters())
        assert any(not torch.equal(moved[key], value) for key, value in before.items())
    np.testing.assert_allclose(*losses, rtol=1e-8)


@pytest.mark.usefixtures("traced_alone")
def test_a_killed_training_goes_on_to_the_same_bits(tmp_path, killed_in):
    spec = spec_of("schnet")
    whole = trainer(tmp_path / "whole", spec, COMPILED)
    whole.fit()
    killed_in(1, trainer(tmp_path / "killed", spec, COMPILED))
    resumed = trainer(tmp_path / "killed", spec, COMPILED)
    resumed.fit(resume=True)
    for name, value in whole.model.state_dict().items():
        assert torch.equal(resumed.model.state_dict()[name], value)


@pytest.mark.long
@pytest.mark.parametrize("precision", ["32-true", "64-true"])
def test_what_the_compiler_makes_is_the_same(tmp_path, precision):
    spec = spec_of("nequip")
    losses = [
        [row["train_loss"] for row in trainer(tmp_path / str(number), spec, config).fit().history]
        for number, config in enumerate(
            dataclasses.replace(config, precision=precision) for config in (CONFIG, COMPILED)
        )
    ]
    np.testing.assert_allclose(*losses, rtol=1e-3 if precision == "32-true" else 1e-8)


def refusal(folder, spec):
    torch.manual_seed(0)
    given = examples(spec, 6)
    refused = pytest.raises(ConfigError, match=r"cannot be compiled.*leave out training\.compile")
    with refused as info:
        Trainer(spec.make_model(), given, given, COMPILED, folder, "").fit()
    return str(info.value)


@pytest.mark.usefixtures("traced_alone")
def test_what_cannot_be_compiled_is_refused(tmp_path, monkeypatch):
    angles = {"angle_neighbors": None, "angle_cutoff": 2.0}
    gemnet = ModelSpec(
        "gemnet", {"envelope": "polynomial", **angles}, "auto", "radius", {"cutoff": 4.0}, TARGETS
    )
    assert "angles" in refusal(tmp_path / "a", gemnet)
    monkeypatch.setattr(compiled_steps, "MOST_ELEMENTS", 2)
    assert "of 3 elements; up to 2" in refusal(tmp_path / "b", spec_of("schnet"))


def test_without_a_compiler_the_reason_is_told(tmp_path, monkeypatch):
    def compile_nothing(*_, **__):
        raise RuntimeError("no C++ compiler:\nclang++\nand much more")

    monkeypatch.setattr(torch, "compile", compile_nothing)
    assert "no C++ compiler: clang++" in refusal(tmp_path, spec_of("schnet"))


class Halves:
    """Half the gradients."""

    def __init__(self, function, elements, graph, *more):
        self.function = function

    def __call__(self, graph, *more):
        loss, *slopes = self.function(graph, *more)
        return loss, *(0.5 * slope for slope in slopes)


def test_other_gradients_are_noticed(tmp_path, monkeypatch):
    monkeypatch.setattr(compiled_steps, "GraphFunction", Halves)
    assert "its gradients would be others" in refusal(tmp_path, spec_of("schnet"))


def test_settings_that_exclude_it_are_named():
    for other in ({"capture": True}, {"device": "cuda"}, {"precision": "bf16-mixed"}):
        with pytest.raises(ConfigError, match=r"training\.compile is for a CPU"):
            TrainingConfig(compile=True, **other)
