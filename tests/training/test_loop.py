"""The loop learns, repeats to the bit, and goes on from any state to the same bits."""

import dataclasses
import signal

import numpy as np
import pytest
import torch

from xtalgraph.conventions.errors import ConfigError, RunError
from xtalgraph.conventions.stopping import Stopped, stopping_on_signals
from xtalgraph.crystals import transforms
from xtalgraph.data.targets import Kind, Target
from xtalgraph.graphs.build import build_graph
from xtalgraph.graphs.graph import Scope
from xtalgraph.models.cgcnn import CGCNN
from xtalgraph.models.inference import concatenated, infer
from xtalgraph.models.model import Model
from xtalgraph.models.spec import ModelSpec
from xtalgraph.nn.segments import segment_sum
from xtalgraph.testing.crystals import contract_crystals
from xtalgraph.training import loop
from xtalgraph.training.examples import Examples, Labels, ordered_graphs
from xtalgraph.training.loop import Trainer
from xtalgraph.training.optimizer import FlatAdamW
from xtalgraph.training.settings import TrainingConfig

VOLUME = Target("v", Kind.EXTENSIVE, "Å³")
SPEC = ModelSpec("cgcnn", {"width": 12, "depth": 2}, "auto", "radius", {}, (VOLUME,))


def examples(count: int, seed: int) -> Examples:
    """Strained crystals; the target is a pair energy that the graph holds in full."""
    rng = np.random.default_rng(seed)
    kinds = [c for name, c in contract_crystals().items() if name in ("cubic", "triclinic")]
    crystals = [
        transforms.strain(kinds[i % 2], np.diag(rng.uniform(-0.06, 0.06, 3))) for i in range(count)
    ]
    graph = build_graph(crystals, SPEC.make_strategy())
    pairs = torch.exp(-graph.distance) * graph.number[graph.center] / 10.0
    total = torch.zeros(count, dtype=torch.float64).index_add_(0, graph.crystal_of_edge, pairs)
    return Examples(graph, {"v": Labels(total, Scope.CRYSTAL)})


TRAIN, VAL = examples(48, 0), examples(16, 1)


def trainer(folder, config, key="k", val=VAL) -> Trainer:
    torch.manual_seed(config.seed)
    model = SPEC.make_model()
    fit_scales(model, TRAIN)
    return Trainer(model, TRAIN, val, config, folder, key)


def fit_scales(model: Model, examples: Examples) -> None:
    parts = examples.graph.split()
    numbers = [part.number.repeat_interleave(part.atom_multiplicity).numpy() for part in parts]
    model.heads[0].fit(examples.labels["v"].values.numpy(), numbers)


def predict(model: Model, examples: Examples) -> tuple[torch.Tensor, torch.Tensor | None]:
    """Return the values and, where they are learned, their deviations."""
    batches = infer([model], ordered_graphs(examples.graph))
    values, deviations = concatenated(batch.outputs[0] for batch in batches)
    return values["v"].double(), deviations.get("v")


def trained(folder, config, **options) -> dict[str, torch.Tensor]:
    made = trainer(folder, config)
    made.fit(**options)
    return dict(made.model.state_dict())


def assert_same_bits(one, other):
    for name, value in one.items():
        assert torch.equal(value, other[name]), name


SHORT = TrainingConfig(epochs=6, batch_size=16, learning_rate=5e-3, patience=6)


def test_the_error_falls_far_below_that_of_the_mean(tmp_path):
    config = TrainingConfig(epochs=60, batch_size=8, learning_rate=1e-2, ema_decay=0.95)
    made = trainer(tmp_path, config)
    before = float(made.scales["v"])
    progress = made.fit()
    assert progress.selected_error < 0.2 * before
    error = (predict(made.model, VAL)[0] - VAL.labels["v"].values).abs().mean()
    assert float(error) == pytest.approx(progress.selected_error, rel=1e-6)


def test_the_weights_decay_as_is_recommended_or_as_is_asked_for(tmp_path, monkeypatch):
    def decays(weight_decay):
        given = []
        monkeypatch.setattr(
            loop, "FlatAdamW", lambda model, decay: given.append(decay) or FlatAdamW(model, decay)
        )
        trainer(tmp_path, dataclasses.replace(SHORT, weight_decay=weight_decay))
        return given

    assert decays(None) == [0.01]
    assert decays(0.5) == [0.5]
    recommended = dataclasses.replace(CGCNN.recommended, weight_decay=0.2)
    monkeypatch.setattr(CGCNN, "recommended", recommended)
    assert decays(None) == [0.2]
    assert decays(0.0) == [0.0]


def test_the_same_seed_gives_the_same_bits_and_another_does_not(tmp_path):
    one = trained(tmp_path / "a", SHORT)
    assert_same_bits(one, trained(tmp_path / "b", SHORT))
    other = trained(tmp_path / "c", TrainingConfig(**{**vars(SHORT), "seed": 1}))
    assert not torch.equal(one["encoder.embed.weight"], other["encoder.embed.weight"])


@pytest.mark.parametrize("stop", [1, 3, 5])
def test_resuming_gives_the_bits_of_the_run_that_was_not_killed(tmp_path, killed_in, stop):
    whole = trained(tmp_path / "whole", SHORT)
    killed_in(stop, trainer(tmp_path / "killed", SHORT))
    assert_same_bits(whole, trained(tmp_path / "killed", SHORT, resume=True))


@pytest.mark.parametrize("seconds_between_states", [-1.0, 60.0])
@pytest.mark.parametrize(("epoch", "step"), [(2, 0), (4, 1)])
def test_a_signal_saves_the_last_epoch_and_resuming_gives_the_same_bits(
    tmp_path, monkeypatch, epoch, step, seconds_between_states
):
    """Where the last epoch is saved it stops within the next; where it is not, that one ends."""
    whole = trained(tmp_path / "whole", SHORT)
    monkeypatch.setattr(loop, "_SECONDS_BETWEEN_STATES", seconds_between_states)
    asked = trainer(tmp_path / "asked", SHORT)
    steps = []

    def gradients(batch):
        steps.append(batch)
        if len(steps) == epoch * asked.steps + step + 1:
            signal.raise_signal(signal.SIGTERM)
        return asked._fresh_gradients(batch)

    monkeypatch.setattr(asked, "gradients", gradients)
    saved = epoch if seconds_between_states < 0 else epoch + 1
    said = f"after epoch {saved} of 6"
    with pytest.raises(Stopped, match=said) as stopped, stopping_on_signals():
        asked.fit()
    assert stopped.value.signum == signal.SIGTERM
    assert str(tmp_path / "asked") in str(stopped.value)
    assert "--resume" in str(stopped.value)
    assert_same_bits(whole, trained(tmp_path / "asked", SHORT, resume=True))


def test_a_signal_in_the_first_epoch_says_that_nothing_is_saved(tmp_path, monkeypatch):
    asked = trainer(tmp_path, SHORT)

    def gradients(batch):
        signal.raise_signal(signal.SIGINT)
        return asked._fresh_gradients(batch)

    monkeypatch.setattr(asked, "gradients", gradients)
    with pytest.raises(Stopped, match="SIGINT: no epoch"), stopping_on_signals():
        asked.fit()
    assert list(tmp_path.iterdir()) == []


def test_without_epochs_their_number_follows_from_the_crystals(tmp_path):
    config = TrainingConfig(batch_size=2)
    made = trainer(tmp_path, config)
    assert (made.steps, made.epochs, made.patience) == (24, 188, 188)
    said = trainer(tmp_path, dataclasses.replace(config, epochs=7, patience=2))
    assert (said.epochs, said.patience) == (7, 2)
    assert trainer(tmp_path, dataclasses.replace(config, epochs=7)).patience == 7


def test_resuming_nothing_begins_and_resuming_the_end_changes_nothing(tmp_path):
    first = trained(tmp_path, SHORT, resume=True)
    assert_same_bits(first, trained(tmp_path, SHORT, resume=True))


def test_a_state_of_something_else_is_refused(tmp_path):
    trained(tmp_path, SHORT)
    with pytest.raises(RunError, match="made from other data"):
        trainer(tmp_path, SHORT, key="other").fit(resume=True)


def told(made, monkeypatch, *errors):
    """Give a trainer the validation errors of each epoch, the last of them for ever."""
    rows = iter([*errors, *[errors[-1]] * 100])

    def validate(model: Model) -> loop.Validation:
        return loop.Validation(torch.tensor(next(rows), dtype=torch.float64), {})

    monkeypatch.setattr(made, "_validate", validate)


def test_training_stops_when_patience_ends(tmp_path, monkeypatch):
    made = trainer(tmp_path, TrainingConfig(epochs=50, batch_size=16, patience=3))
    told(made, monkeypatch, [3.0, 3.0], [1.0, 1.0], [2.0, 2.0])
    progress = made.fit()
    assert (progress.epoch, progress.best_epoch, progress.best_error) == (5, 2, 1.0)
    assert (progress.selected_epoch, progress.selected_error) == (2, 1.0)
    assert [row["selected"] for row in progress.history] == [1, 1, 0, 0, 0]


def test_the_latest_epoch_that_cannot_be_told_from_the_best_is_kept(tmp_path, monkeypatch):
    made = trainer(tmp_path, SHORT)
    best, alike, worse = [1.0, 1.0, 1.0], [2.0, 0.5, 1.0], [1.2, 1.2, 1.2]
    told(made, monkeypatch, worse, best, alike, worse, alike, worse)
    weights = []
    record = made._record

    def recorded(loss, validation):
        record(loss, validation)
        weights.append(loop.snapshot(made.average.module))

    monkeypatch.setattr(made, "_record", recorded)
    progress = made.fit()
    assert (progress.best_epoch, progress.selected_epoch) == (2, 5)
    assert progress.selected_error == pytest.approx(3.5 / 3)
    assert_same_bits(weights[4], made.model.state_dict())


def test_without_validation_the_last_epoch_is_kept(tmp_path):
    made = trainer(tmp_path, SHORT, val=VAL.select(torch.zeros(0, dtype=torch.long)))
    progress = made.fit()
    assert progress.selected_epoch == SHORT.epochs
    assert progress.selected_error is None


@pytest.mark.parametrize("precision", ["64-true", "bf16-mixed"])
def test_other_precisions_learn_too(tmp_path, precision):
    config = TrainingConfig(**{**vars(SHORT), "epochs": 25, "precision": precision})
    made = trainer(tmp_path, config)
    before = float(made.scales["v"])
    assert made.fit().selected_error < 0.7 * before
    expected = torch.float64 if precision == "64-true" else torch.float32
    assert {p.dtype for p in made.model.parameters()} == {expected}


def test_a_loss_that_is_not_a_number_stops_with_advice(tmp_path, monkeypatch):
    made = trainer(tmp_path, SHORT)
    made.scales = {"v": torch.tensor(float("nan"), dtype=torch.float64)}
    with pytest.raises(RunError, match=r"lower training\.learning_rate"):
        made.fit()


def test_a_gaussian_loss_learns_how_noisy_the_labels_of_each_kind_are(tmp_path):
    """Two crystals, many labels of each: the best deviation is that of the labels."""
    count, noise = 60, np.array([0.05, 0.4])
    spec = dataclasses.replace(SPEC, variance=True, reduction_tolerance=1e-3)
    pair = spec.make_graph([contract_crystals()[name] for name in ("cubic", "triclinic")])
    atoms = segment_sum(pair.atom_multiplicity, pair.crystal_of_atom, 2).numpy()
    drawn = np.random.default_rng(0).normal(size=(count, 2)) * noise * atoms
    values = torch.from_numpy(drawn + np.array([30.0, 70.0]))
    graph = pair.select(torch.arange(2).repeat(count))
    both = Examples(graph, {"v": Labels(values.flatten(), Scope.CRYSTAL)})
    config = TrainingConfig(
        epochs=40, batch_size=24, learning_rate=1e-2, ema_decay=0.98, loss="gaussian", patience=40
    )
    torch.manual_seed(0)
    model = spec.make_model()
    fit_scales(model, both)
    nothing = both.select(torch.zeros(0, dtype=torch.long))
    made = Trainer(model, both, nothing, config, tmp_path, "k")
    made.fit()
    said, deviation = predict(made.model, both.select(torch.tensor([0, 1])))
    assert deviation.numpy() == pytest.approx(drawn.std(axis=0), rel=0.15)
    error = said.numpy() - values.mean(dim=0).numpy()
    assert (np.abs(error) < 0.25 * drawn.std(axis=0)).all()


def test_the_loss_and_the_model_must_agree_about_the_variance(tmp_path):
    with pytest.raises(ConfigError, match="predicts no variance"):
        trainer(tmp_path, TrainingConfig(loss="gaussian"))
    model = dataclasses.replace(SPEC, variance=True).make_model()
    with pytest.raises(ConfigError, match=r"loss is l1 and the model predicts the variance"):
        Trainer(model, TRAIN, VAL, SHORT, tmp_path, "k")
