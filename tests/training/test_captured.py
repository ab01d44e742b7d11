"""Padded batches on kept memory train as batches do; the recording itself needs a GPU."""

import dataclasses

import numpy as np
import pytest
import torch

from xtalgraph.conventions.errors import ConfigError
from xtalgraph.crystals import transforms
from xtalgraph.data.targets import Kind, Target
from xtalgraph.graphs.graph import Scope
from xtalgraph.models.registry import ENCODERS
from xtalgraph.models.spec import ModelSpec
from xtalgraph.testing.crystals import contract_crystals
from xtalgraph.training.examples import Examples, Labels
from xtalgraph.training.loop import Trainer
from xtalgraph.training.settings import TrainingConfig

CONFIG = TrainingConfig(epochs=3, batch_size=8, learning_rate=3e-3, precision="64-true")
NARROW = {"alignn": {"width": 16}}
REDUCED = [name for name, encoder in ENCODERS.items() if encoder.reads.reduced]


def examples(spec, count):
    """Strained crystals of three kinds, so that batches differ in size."""
    rng = np.random.default_rng(0)
    kinds = [contract_crystals()[name] for name in ("cubic", "triclinic", "no edges")]
    crystals = [
        transforms.strain(kinds[i % 3], np.diag(rng.uniform(-0.05, 0.05, 3))) for i in range(count)
    ]
    atomic = spec.targets[0].kind is Kind.ATOMIC
    graph = spec.make_graph(crystals)
    values = torch.from_numpy(rng.normal(size=len(graph.number) if atomic else count))
    return Examples(graph, {"y": Labels(values, Scope.ATOM if atomic else Scope.CRYSTAL)})


def trained(folder, spec, config, device="cpu"):
    torch.manual_seed(0)
    config = dataclasses.replace(config, device=device)
    trainer = Trainer(spec.make_model(), examples(spec, 20), examples(spec, 4), config, folder, "")
    progress = trainer.fit()
    return trainer, [row["train_loss"] for row in progress.history]


def of(kind, tolerance=1e-3):
    return ModelSpec("cgcnn", {}, "auto", "hybrid", {}, (Target("y", kind),), tolerance)


@pytest.mark.parametrize("encoder", REDUCED)
@pytest.mark.parametrize("kind", [Kind.EXTENSIVE, Kind.INTENSIVE])
def test_padding_and_kept_memory_change_nothing(tmp_path, encoder, kind):
    spec = ModelSpec(
        encoder, NARROW.get(encoder, {}), "auto", "hybrid", {}, (Target("y", kind),), 1e-3
    )
    plain, losses = trained(tmp_path / "a", spec, CONFIG)
    kept, again = trained(tmp_path / "b", spec, dataclasses.replace(CONFIG, capture=True))
    np.testing.assert_allclose(again, losses, rtol=1e-9)
    for name, value in plain.model.state_dict().items():
        torch.testing.assert_close(kept.model.state_dict()[name], value, rtol=1e-6, atol=1e-8)


def test_batches_of_one_size_share_their_memory(tmp_path):
    config = dataclasses.replace(CONFIG, epochs=20, capture=True)
    kept, _ = trained(tmp_path, of(Kind.INTENSIVE), config)
    assert len(kept.gradients.recordings) < kept.steps * config.epochs / 2


@pytest.mark.parametrize(
    ("kind", "reason"),
    [
        (Kind.INTENSIVE, "needs reduced graphs"),
        (Kind.ATOMIC, "serves targets of crystals"),
    ],
)
def test_what_cannot_be_captured_is_refused(tmp_path, kind, reason):
    spec = of(kind, tolerance=0.0)
    with pytest.raises(ConfigError, match=reason):
        trained(tmp_path, spec, dataclasses.replace(CONFIG, capture=True))


@pytest.mark.skipif(not torch.cuda.is_available(), reason="the recording needs a GPU")
@pytest.mark.parametrize("precision", ["32-true", "bf16-mixed"])
def test_a_recording_trains_as_the_steps_do(tmp_path, precision):
    config = dataclasses.replace(CONFIG, precision=precision)
    spec = of(Kind.EXTENSIVE)
    _, losses = trained(tmp_path / "a", spec, config, "cuda")
    captured = dataclasses.replace(config, capture=True)
    kept, again = trained(tmp_path / "b", spec, captured, "cuda")
    assert all(one.graph is not None for one in kept.gradients.recordings.values())
    np.testing.assert_allclose(again, losses, rtol=1e-4 if precision == "32-true" else 0.05)
