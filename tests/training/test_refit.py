"""The last layer in closed form: it finds what is linear in it, and nothing else moves."""

import copy
import dataclasses
import logging

import numpy as np
import pytest
import torch

from xtalgraph.conventions.errors import ConfigError
from xtalgraph.conventions.stopping import Stopped
from xtalgraph.crystals.crystal import Crystal
from xtalgraph.data.potential_targets import energy_target, forces_target, stress_target
from xtalgraph.data.targets import Kind, Target
from xtalgraph.graphs.graph import Scope
from xtalgraph.models.inference import evaluated
from xtalgraph.models.potential import Potential
from xtalgraph.models.readouts import READOUTS
from xtalgraph.models.spec import ModelSpec
from xtalgraph.training import refit as refitting
from xtalgraph.training.examples import Examples, Labels
from xtalgraph.training.loop import Trainer
from xtalgraph.training.objective import Objective
from xtalgraph.training.refit import LastLayer, check_refit
from xtalgraph.training.settings import TrainingConfig
from xtalgraph.training.state import silent

TARGETS = (energy_target(), forces_target(), stress_target())
SIZES = {
    "allegro": {"edge_width": 8, "channels": 4, "depth": 1, "hidden": 8, "radials": 4},
    "cace": {"width": 8, "channels": 6, "element_width": 2, "radials": 4},
    "mace": {"channels": 4, "radials": 4, "radial_width": 8},
    "nequip": {"channels": 4, "depth": 2, "radials": 4, "radial_width": 8},
    "schnet": {"width": 8, "filters": 8, "depth": 2, "basis_step": 0.25},
}
WEIGHTS = {"energy": 3.0, "forces": 1.0, "stress": 0.1}
CONFIG = TrainingConfig(
    epochs=2, batch_size=4, weights=WEIGHTS, precision="64-true", refit=True, ema_decay=0.5
)


def spec_of(encoder: str = "nequip", targets=TARGETS, **more) -> ModelSpec:
    settings = {"envelope": "polynomial"} | SIZES.get(encoder, {})
    return ModelSpec(encoder, settings, "auto", "radius", {"cutoff": 3.5}, targets, **more)


def frames(count: int, seed: int = 0) -> list[Crystal]:
    """Rattled cells of rock salt with one more atom now and then."""
    rng = np.random.default_rng(seed)
    made = []
    for number in range(count):
        cell = 4.1 * np.eye(3) + rng.normal(scale=0.1, size=(3, 3))
        places = [[0, 0, 0], [0.5, 0.5, 0], [0.5, 0, 0], [0, 0.5, 0], [0.5, 0.5, 0.5]][
            : 4 + number % 2
        ]
        positions = np.array(places) @ cell + rng.normal(scale=0.1, size=(len(places), 3))
        numbers = [11, 11, 17, 17, 17][: len(places)]
        made.append(Crystal(cell, positions, np.array(numbers), np.ones(3, bool)))
    return made


def model_of(spec: ModelSpec, seed: int = 0) -> Potential:
    torch.manual_seed(seed)
    model = spec.make_model().double()
    assert isinstance(model, Potential)
    with torch.no_grad():
        model.head.scalers[0].shift[[11, 17]] = torch.tensor([-1.0, -2.0]).double()
    return model


def with_other_last_layer(model: Potential) -> Potential:
    other = copy.deepcopy(model)
    torch.manual_seed(5)
    with torch.no_grad():
        *weights, shift = other.head.linear
        for weight in weights:
            weight.add_(0.5 * weight.std(correction=0) * torch.randn_like(weight))
        shift[[11, 17]] += torch.tensor([0.3, -0.2]).double()
    return other


def examples(spec: ModelSpec, crystals: list[Crystal], model: Potential, noise: float = 0.0):
    """Frames with what a model says of them, and errors."""
    graph, rng = spec.make_graph(crystals), torch.Generator().manual_seed(1)
    labels = {}
    for name, value in evaluated(model, graph).values.items():
        errors = torch.empty_like(value).normal_(generator=rng) ** 3
        scope = Scope.ATOM if name == "forces" else Scope.CRYSTAL
        labels[name] = Labels(value.double() + noise * value.std() * errors, scope)
    return Examples(graph, labels)


def layer_of(model: Potential, train: Examples, config: TrainingConfig = CONFIG) -> LastLayer:
    objective = Objective.of(model.targets, config)
    num_atoms = train.graph.num_atoms.double()
    scales = objective.scales(train.labels, model.start(train.graph), num_atoms)
    return LastLayer(model, train, objective, scales, seed=0)


def loss_of(layer: LastLayer) -> float:
    output = evaluated(layer.model, layer.train.graph)
    return float(layer.objective.mean(layer.objective.sums(output, layer.train, layer.scales)))


@pytest.mark.parametrize(
    ("encoder", "loss"), [*((name, "l1") for name in SIZES), ("mace", "huber"), ("mace", "mse")]
)
def test_what_is_linear_in_the_last_layer_is_recovered(encoder, loss):
    spec = spec_of(encoder)
    model = model_of(spec)
    train = examples(spec, frames(12), with_other_last_layer(model))
    layer = layer_of(model, train, dataclasses.replace(CONFIG, loss=loss))
    before = loss_of(layer)
    found = layer.fit(silent)
    assert found.before == pytest.approx(before, rel=1e-9)
    layer.move(found.change)
    for name, value in evaluated(model, train.graph).values.items():
        label = train.labels[name].values
        torch.testing.assert_close(value.double(), label, rtol=0, atol=1e-6 * float(label.std()))


@pytest.mark.parametrize(
    ("encoder", "loss"), [*((name, "l1") for name in SIZES), ("mace", "huber"), ("mace", "mse")]
)
def test_the_loss_of_the_training_part_falls_to_its_minimum(encoder, loss, monkeypatch):
    monkeypatch.setattr(refitting, "FOLDS", 1)  # without a penalty
    spec = spec_of(encoder)
    model = model_of(spec)
    train = examples(spec, frames(12), with_other_last_layer(model), noise=0.5)
    train.labels["energy"].values[3] = float("nan")
    train.labels["forces"].values[7] = float("nan")
    layer = layer_of(model, train, dataclasses.replace(CONFIG, loss=loss))
    before = loss_of(layer)
    found = layer.fit(silent)
    layer.move(found.change)
    reached = loss_of(layer)
    assert reached == pytest.approx(found.after, rel=1e-6)
    assert reached < before
    torch.manual_seed(2)
    for _ in range(10):  # it is convex: no smaller around the minimum
        step = 0.1 * torch.randn_like(found.change) * found.change.abs().mean()
        layer.move(step)
        assert loss_of(layer) > reached * (1 - 1e-3)
        layer.move(-step)


@pytest.mark.parametrize(
    "encoder",
    [
        pytest.param(name, marks=[] if name in ("nequip", "schnet") else [pytest.mark.long])
        for name in SIZES
    ],
)
def test_forces_and_stress_stay_the_derivatives_of_the_energy(encoder):
    spec = spec_of(encoder)
    model = model_of(spec)
    train = examples(spec, frames(6), with_other_last_layer(model), noise=0.5)
    layer = layer_of(model, train)
    layer.move(layer.fit(silent).change)
    (crystal,) = frames(1, seed=9)
    step = 1e-4 * np.eye(3)[0] * (np.arange(len(crystal)) == 1)[:, None]
    two = [crystal.moved(crystal.cell, crystal.positions + sign * step) for sign in (1, -1)]
    up, down = evaluated(model, spec.make_graph(two)).values["energy"].tolist()
    forces = evaluated(model, spec.make_graph([crystal])).values["forces"]
    assert float(forces[1, 0]) == pytest.approx(-(up - down) / 2e-4, rel=1e-5, abs=1e-7)


@pytest.mark.parametrize("readout", [n for n, r in READOUTS.items() if r.serves is Kind.EXTENSIVE])
def test_every_readout_of_totals_is_linear_in_what_it_says(readout):
    encoder = "allegro" if READOUTS[readout].reads_edges else "schnet"
    spec = dataclasses.replace(spec_of(encoder), readout=readout)
    model = model_of(spec)
    train = examples(spec, frames(4), model)
    layer = layer_of(model, train)
    assert len(layer.parameters) == (3 if readout == "linear-sum" else 2)
    rows = [row for batch in layer._batches(layer.frames()) for row in layer._rows(batch)]
    change = torch.randn(len(layer.chosen), dtype=torch.float64)
    layer.move(change)
    values = evaluated(model, train.graph).values
    for row in rows:
        expected = values[row.term.target.name].double()
        torch.testing.assert_close(row.at(change), expected, rtol=1e-9, atol=1e-9)


def test_terms_and_isolated_atoms_stay():
    terms = {"zbl": {}}
    energies = {"Na": -0.5, "Cl": -0.7}
    spec = spec_of("schnet", terms=terms, reference_energies=energies)
    model = model_of(spec)
    train = examples(spec, frames(12), with_other_last_layer(model))
    layer = layer_of(model, train)
    rows = [row for batch in layer._batches(layer.frames()) for row in layer._rows(batch)]
    of_shifts = [row.columns[..., -2:] for row in rows if row.term.target.name == "forces"]
    assert float(torch.cat(of_shifts).abs().max()) > 0, "less is learned where atoms are few"
    layer.move(layer.fit(silent).change)
    for name, value in evaluated(model, train.graph).values.items():
        label = train.labels[name].values
        torch.testing.assert_close(value.double(), label, rtol=0, atol=1e-6 * float(label.std()))
    alone = Crystal(20.0 * np.eye(3), np.zeros((1, 3)), np.array([11]), np.ones(3, bool))
    energy = evaluated(model, spec.make_graph([alone])).values["energy"]
    assert energy.tolist() == [-0.5]


def test_a_direction_without_labels_does_not_move():
    spec = spec_of("schnet")
    model = model_of(spec)
    crystals = [c for c in frames(12) if len(c) == 4]
    train = examples(spec, crystals, with_other_last_layer(model))
    shift = model.head.linear[-1].clone()
    layer = layer_of(model, train)
    layer.move(layer.fit(silent).change)
    moved = model.head.linear[-1] - shift
    assert set(torch.nonzero(moved).flatten().tolist()) == {11, 17}
    assert float(moved[11]) == pytest.approx(float(moved[17]), rel=1e-3), "both have two atoms"


def test_of_many_frames_as_many_are_drawn_as_the_memory_holds(monkeypatch):
    spec = spec_of("schnet")
    model = model_of(spec)
    train = examples(spec, frames(10), model)
    whole = layer_of(model, train)
    assert whole.frames().tolist() == list(range(10))
    each = 3 * 5 * len(whole.chosen) * 8
    monkeypatch.setattr(refitting, "MOST_BYTES", 4 * each)
    some = layer_of(model, train).frames()
    assert len(some) == 4
    assert torch.equal(some, layer_of(model, train).frames())
    monkeypatch.setattr(refitting, "MOST_BYTES", 1)
    assert len(layer_of(model, train).frames()) == 1


TEACHER = model_of(spec_of("nequip"), seed=3)
TRAIN = examples(spec_of("nequip"), frames(8), TEACHER, noise=0.1)
VAL = examples(spec_of("nequip"), frames(4, seed=7), TEACHER, noise=0.1)


def trainer(folder, config: TrainingConfig = CONFIG, val: Examples = VAL) -> Trainer:
    return Trainer(model_of(spec_of("nequip")).float(), TRAIN, val, config, folder, "k")


def trained(folder, config: TrainingConfig = CONFIG, val: Examples = VAL, **options):
    made = trainer(folder, config, val)
    return made.model, made.fit(**options)


@pytest.fixture(scope="module")
def whole(tmp_path_factory):
    return trained(tmp_path_factory.mktemp("whole"))


def same(one: Potential, other: Potential) -> bool:
    state = other.state_dict()
    return all(torch.equal(value, state[name]) for name, value in one.state_dict().items())


def test_a_training_ends_with_it_and_the_log_says_so(tmp_path, whole, caplog):
    plain, before = trained(tmp_path, dataclasses.replace(CONFIG, refit=False))
    model, progress = whole
    *rows, last = progress.history
    assert [row["epoch"] for row in progress.history] == [1, 2, 2]
    assert [row["val_error"] for row in rows] == [row["val_error"] for row in before.history]
    assert last["val_error"] < before.selected_error
    assert progress.selected is last
    assert progress.selected_error == last["val_error"]
    assert last["selected"] == 1
    state = plain.state_dict()
    moved = {name for name, v in model.state_dict().items() if not torch.equal(v, state[name])}
    assert moved == {"head.readouts.0.head.weight", "head.scalers.0.shift"}


def test_the_same_bits_again_and_the_log_tells(tmp_path, whole, caplog):
    caplog.set_level(logging.INFO, logger="xtalgraph")
    model, _ = trained(tmp_path)
    assert same(model, whole[0])
    (line,) = (r.getMessage() for r in caplog.records if "last layer" in r.getMessage())
    assert line.endswith("; kept")
    assert line.count("validation MAE") == 2


@pytest.mark.parametrize("error", [KeyboardInterrupt, Stopped(15)])
def test_a_refit_that_is_killed_begins_anew_to_the_same_bits(tmp_path, whole, monkeypatch, error):
    made = trainer(tmp_path)
    with monkeypatch.context() as patch:
        patch.setattr(LastLayer, "_rows", lambda self, batch: (_ for _ in ()).throw(error))
        with pytest.raises((KeyboardInterrupt, Stopped)):
            made.fit()
    model, progress = trained(tmp_path, resume=True)
    assert same(model, whole[0])
    assert len(progress.history) == 3


def test_a_refit_stops_when_it_is_asked(tmp_path):
    made = trainer(tmp_path)

    def ask(part: float, text: str) -> None:
        if "last layer" in text:
            made._stop.signum = 15

    with pytest.raises(Stopped, match="after epoch 2 of 2"):
        made.fit(report=ask)


def test_what_the_validation_part_refuses_is_not_kept(tmp_path, caplog):
    caplog.set_level(logging.INFO, logger="xtalgraph")
    plain, before = trained(tmp_path / "a", dataclasses.replace(CONFIG, refit=False))
    labels = evaluated(plain, VAL.graph).values  # no others are nearer to these
    val = Examples(
        VAL.graph, {k: Labels(labels[k].double(), v.scope) for k, v in VAL.labels.items()}
    )
    plain, before = trained(tmp_path / "b", dataclasses.replace(CONFIG, refit=False), val)
    model, progress = trained(tmp_path / "c", CONFIG, val)
    assert same(model, plain)
    assert progress.history[-1]["selected"] == 0
    assert progress.history[-1]["val_error"] > progress.selected_error == before.selected_error
    assert progress.selected["epoch"] == before.selected_epoch
    assert "not kept, since the validation error is larger" in caplog.text


def test_without_a_validation_part_it_is_kept(tmp_path):
    nothing = VAL.select(torch.arange(0))
    model, progress = trained(tmp_path / "a", CONFIG, nothing)
    plain, _ = trained(tmp_path / "b", dataclasses.replace(CONFIG, refit=False), nothing)
    assert not same(model, plain)
    assert progress.history[-1]["selected"] == 1
    assert progress.selected_error is None


def test_what_has_no_last_layer_of_an_energy_is_refused():
    check_refit(of_potential=True, replays=False)
    with pytest.raises(ConfigError, match=r"training\.refit is for potentials"):
        check_refit(of_potential=False, replays=False)
    with pytest.raises(ConfigError, match=r"finetuning\.replay"):
        check_refit(of_potential=True, replays=True)
    spec = ModelSpec(
        "schnet", SIZES["schnet"], "auto", "radius", {}, (Target("v", Kind.EXTENSIVE),)
    )
    with pytest.raises(ConfigError, match=r"training\.refit is for potentials"):
        LastLayer(spec.make_model(), TRAIN, Objective.of(TARGETS, CONFIG), {}, 0)
