"""Potentials: forces and stress are those of the energy, for every encoder that can serve."""

import copy

import numpy as np
import pytest
import torch

from xtalgraph.conventions.errors import ConfigError, GraphError, TargetError
from xtalgraph.crystals import transforms
from xtalgraph.crystals.crystal import Crystal
from xtalgraph.data.potential_targets import energy_target, forces_target, stress_target
from xtalgraph.data.targets import Kind, Target
from xtalgraph.graphs.build import build_reduced
from xtalgraph.graphs.strategies import Radius
from xtalgraph.models.derivatives import displaced
from xtalgraph.models.head import Head
from xtalgraph.models.potential import Potential, energy_of
from xtalgraph.models.registry import ENCODERS
from xtalgraph.models.spec import ModelSpec
from xtalgraph.nn.expansion import NoEnvelope
from xtalgraph.testing.contract import check_contract
from xtalgraph.testing.crystals import contract_crystals

TARGETS = (energy_target(), forces_target(), stress_target())
SIZES = {
    "allegro": {"edge_width": 8, "channels": 4, "depth": 2, "hidden": 8, "radials": 4},
    "cace": {"width": 8, "channels": 6, "element_width": 2, "radials": 4},
    "cgcnn": {"width": 12, "depth": 2, "batch_norm": False},
    "gcn": {"width": 12, "depth": 2},
    "gemnet": {
        "width": 8,
        "triplet_width": 4,
        "dihedral_width": 4,
        "basis_width": 4,
        "degrees": 3,
        "angle_neighbors": None,
        "angle_cutoff": 2.7,
    },
    "mace": {"channels": 4, "radials": 4, "radial_width": 8},
    "nequip": {"channels": 4, "depth": 2, "radials": 4, "radial_width": 8},
    "schnet": {"width": 12, "filters": 12, "depth": 2, "basis_step": 0.25},
    "tfn": {"channels": 4, "depth": 2, "radials": 4, "radial_width": 8},
}
"""Encoders that can be potentials, small."""


def spec_of(encoder: str = "schnet", targets=TARGETS, cutoff: float = 5.0, **settings) -> ModelSpec:
    made = {"envelope": "polynomial"} | SIZES.get(encoder, {}) | settings
    return ModelSpec(encoder, made, "auto", "radius", {"cutoff": cutoff}, targets)


def potential(spec: ModelSpec, dtype: torch.dtype = torch.float64) -> Potential:
    torch.manual_seed(0)
    model = spec.make_model()
    assert isinstance(model, Potential)
    return model.to(dtype).eval()


@pytest.mark.parametrize("encoder", SIZES)
def test_every_encoder_that_can_serve_signs_the_contract(encoder):
    spec = spec_of(encoder)
    results = check_contract(potential(spec), spec)
    named = {one.check: one for one in results}
    assert named["derivatives of the energy"].relative < 1e-7
    assert named["sum of forces"].relative < 1e-10
    assert named["rotation"].relative < 1e-10
    assert [one for one in results if not one.passed] == []


def test_what_is_not_a_derivative_fails_the_contract(monkeypatch):
    spec = spec_of()
    model = potential(spec)
    right = Potential.evaluate

    def wrong(self, graph, *by, **options):
        values, features = right(self, graph, *by, **options)
        return values | {"position": 1.01 * values["position"]}, features

    monkeypatch.setattr(Potential, "evaluate", wrong)
    failed = {one.check: one for one in check_contract(model, spec) if not one.passed}
    assert set(failed) == {"derivatives of the energy"}
    assert failed["derivatives of the energy"].target == "forces"


def test_a_hard_cutoff_fails_the_contract_in_energy_and_forces():
    spec = spec_of()
    model = potential(spec)
    model.encoder.edges.envelope = NoEnvelope()
    failed = {one.check: one for one in check_contract(model, spec) if not one.passed}
    assert set(failed) >= {"value at the cutoff", "slope at the cutoff"}
    assert failed["value at the cutoff"].relative > 1e-3


def test_an_energy_that_reads_all_atoms_together_fails_the_contract(monkeypatch):
    spec = spec_of()
    right = Head.forward

    def of_the_mean(self, features, graph):
        energy = right(self, features, graph)
        return energy + 1e-3 * energy.square() / graph.num_atoms

    monkeypatch.setattr(Head, "forward", of_the_mean)
    failed = {one.check for one in check_contract(potential(spec), spec) if not one.passed}
    assert failed == {"far fragments add up"}


def test_single_precision_is_as_good_as_it_can_be():
    spec, crystal = spec_of(), contract_crystals()["distorted"]
    graph, double = spec.make_graph(crystal), potential(spec)
    with torch.no_grad():
        exact, single = double(graph), copy.deepcopy(double).float()(graph)
    for name in ("forces", "stress"):
        largest = exact.values[name].abs().max()
        assert (single.values[name] - exact.values[name]).abs().max() < 1e-4 * largest


@pytest.mark.parametrize("proper", [True, False])
def test_it_turns_with_the_crystal_over_random_elements_of_o3(proper):
    spec, crystal = spec_of(), contract_crystals()["triclinic"]
    model, generator = potential(spec), np.random.default_rng(1)
    with torch.no_grad():
        start = model(spec.make_graph(crystal)).values
    for _ in range(100):
        rotation, _ = np.linalg.qr(generator.normal(size=(3, 3)))
        rotation *= np.sign(np.linalg.det(rotation)) * (1 if proper else -1)
        with torch.no_grad():
            turned = model(spec.make_graph(transforms.rotate(crystal, rotation))).values
        for target in TARGETS:
            expected = target.tensor.rotate(start[target.name].numpy(), rotation)
            largest = np.abs(expected).max()
            assert np.abs(turned[target.name].numpy() - expected).max() < 1e-10 * largest


def test_an_atom_alone_has_no_force_and_no_stress():
    spec, alone = spec_of(), contract_crystals()["no edges"]
    values = potential(spec)(spec.make_graph(alone)).values
    assert torch.equal(values["forces"], torch.zeros(1, 3, dtype=torch.float64))
    assert torch.equal(values["stress"], torch.zeros(1, 3, 3, dtype=torch.float64))


def test_far_fragments_add_up():
    spec, crystals = spec_of(), contract_crystals()
    one = crystals["distorted"].moved(50.0 * np.eye(3), crystals["distorted"].positions)
    other = one.moved(one.cell, 1.1 * one.positions)
    both = Crystal(
        one.cell,
        np.concatenate([one.positions, other.positions + 25.0]),
        np.concatenate([one.numbers, other.numbers]),
        one.pbc,
    )
    model = potential(spec)
    with torch.no_grad():
        alone = [model(spec.make_graph(part)).values for part in (one, other)]
        together = model(spec.make_graph(both)).values
    total = alone[0]["energy"] + alone[1]["energy"]
    assert torch.allclose(together["energy"], total, rtol=1e-12)
    forces = torch.cat([part["forces"] for part in alone])
    assert torch.allclose(together["forces"], forces, rtol=1e-9, atol=1e-12)


def test_derivatives_that_were_not_learned_can_be_asked_for():
    spec, whole = spec_of(targets=TARGETS[:2]), potential(spec_of())
    model = potential(spec)
    graph = spec.make_graph(contract_crystals()["slab"])
    assert set(model(graph).values) == {"energy", "forces"}
    values, _ = model.evaluate(graph, "strain")
    assert torch.allclose(values["strain"], whole(graph).values["stress"], rtol=1e-12)


def test_without_gradients_nothing_is_kept_for_them():
    spec = spec_of()
    model, graph = potential(spec), spec.make_graph(contract_crystals()["cubic"])
    with torch.no_grad():
        output = model(graph)
    assert not any(value.requires_grad for value in output.values.values())
    assert not any(one.requires_grad for one in (output.features.atom, *output.features.layers))
    assert all(value.requires_grad for value in model(graph).values.values())
    assert not graph.position.requires_grad


def test_displacements_move_atoms_and_strains_move_all():
    crystal = contract_crystals()["triclinic"]
    at = displaced(spec_of().make_graph(crystal), "position", "strain")
    assert torch.equal(at.graph.position, torch.from_numpy(crystal.positions.copy()))
    assert {name: tuple(one.shape) for name, one in at.variables.items()} == {
        "position": (3, 3),
        "strain": (1, 3, 3),
    }


@pytest.mark.parametrize(
    ("encoder", "settings", "strategy", "message"),
    [
        ("schnet", {"envelope": "none"}, ("radius", {}), "abruptly at the cutoff"),
        ("schnet", {}, ("hybrid", {}), "keeps a number of neighbours"),
        (
            "cgcnn",
            {"batch_norm": True},
            ("radius", {}),
            r"normalises over the batch.*model\.batch_norm=false",
        ),
        ("megnet", {}, ("radius", {}), "at any distance and fragments do not add up"),
        ("gemnet", {"angle_neighbors": 12}, ("radius", {}), "the 12 nearest edges"),
    ],
)
def test_what_cannot_be_a_potential_is_refused(encoder, settings, strategy, message):
    made = SIZES.get(encoder, {}) | settings
    with pytest.raises(ConfigError, match=message):
        ModelSpec(encoder, made, "auto", *strategy, TARGETS)


def test_every_encoder_is_tried_or_refused():
    refused = {
        name
        for name, encoder in ENCODERS.items()
        if encoder.reads.batch_statistics or encoder.reads.whole_crystal
    }
    assert set(SIZES) | refused == set(ENCODERS)


def test_a_reduced_graph_is_refused():
    crystal, model = contract_crystals()["cubic"], potential(spec_of())
    with pytest.raises(GraphError, match="need the positions"):
        model(build_reduced(crystal, Radius(5.0), 1e-3))
    with pytest.raises(ConfigError, match="'forces' is a derivative"):
        ModelSpec("schnet", {}, "auto", "radius", {}, TARGETS, reduction_tolerance=1e-3)


@pytest.mark.parametrize(
    ("targets", "message"),
    [
        ((forces_target(),), "got none"),
        ((energy_target(), energy_target("other"), forces_target()), "got energy, other"),
        ((Target("energy", Kind.INTENSIVE, "eV/atom"), forces_target()), "a total of the cell"),
        ((energy_target(), forces_target("total")), "the derivative of 'total'"),
    ],
)
def test_derivatives_belong_to_one_energy(targets, message):
    with pytest.raises(TargetError, match=message):
        energy_of(targets)
