"""What every term of a potential must hold: the contract, its settings, its part in a training."""

import numpy as np
import pytest
import torch

from xtalgraph.conventions.errors import ConfigError
from xtalgraph.crystals import transforms
from xtalgraph.crystals.crystal import Crystal
from xtalgraph.data.potential_targets import energy_target, forces_target, stress_target
from xtalgraph.data.targets import Kind, Target
from xtalgraph.data.values import Values
from xtalgraph.models.potential import Potential
from xtalgraph.models.registry import TERMS
from xtalgraph.models.spec import ModelSpec
from xtalgraph.models.terms.ace import ACE
from xtalgraph.testing.contract import check_contract
from xtalgraph.testing.crystals import contract_crystals
from xtalgraph.workflows.config import RunConfig

TARGETS = (energy_target(), forces_target(), stress_target())
SCHNET = {"width": 8, "filters": 8, "depth": 1, "basis_step": 0.5, "envelope": "polynomial"}
CHARGES = {"Na": 1, "Cl": -3, "O": 2, "Fe": 4, "S": -2, "Al": 3, "N": -2, "H": -1, "Sr": -10}
CHARGES |= {"Ti": 4, "Ba": -11, "Zr": 5, "Cu": 0, "Ar": 0, "C": 0, "B": 0, "Si": 0}
SETTINGS = {
    "ace": [{"elements": ["Na", "Cl", "O", "Si", "Cu"], "functions": 100}],
    "coulomb": [{}, {"charges": CHARGES}],
    "d3": [{"cutoff": 8.0}],
    "zbl": [{}, {"outer": 4.0}],
}
"""Settings of each term with which it signs the contract."""
EACH = [(name, settings) for name in TERMS for settings in SETTINGS[name]]


def spec_of(cutoff: float = 5.0, **terms) -> ModelSpec:
    return ModelSpec("schnet", SCHNET, "auto", "radius", {"cutoff": cutoff}, TARGETS, terms=terms)


def potential(spec: ModelSpec) -> Potential:
    torch.manual_seed(0)
    model = spec.make_model()
    assert isinstance(model, Potential)
    if "ace" in spec.terms:
        fill(model.terms["ace"])
    return model.double().eval()


def fill(term: ACE) -> None:
    """Give a cluster expansion coefficients, as if it were fitted."""
    drawn = np.random.default_rng(0)
    for coefficients in (term.of_pairs, term.of_products):
        values = torch.from_numpy(drawn.normal(0.0, 0.01, coefficients.shape))
        coefficients.copy_(values + (values.transpose(0, 1) if values.ndim == 3 else 0.0))


@pytest.mark.parametrize(("name", "settings"), EACH, ids=str)
def test_every_term_signs_the_contract(name, settings):
    spec = spec_of(**{name: settings})
    crystals = contract_crystals()
    if name == "d3":  # so steep that differences of energies, as the fourth power, are off by 1e-6
        del crystals["sheared"]
    if name == "coulomb":  # no slab, no wire; an empty cell takes long
        crystals = {
            key: one for key, one in crystals.items() if one.pbc.all() and key != "no edges"
        }
    results = check_contract(potential(spec), spec, crystals)
    assert [one for one in results if not one.passed] == []


@pytest.mark.parametrize(("name", "settings"), EACH, ids=str)
def test_it_is_saved_with_every_default_and_made_again(name, settings):
    spec = spec_of(**{name: settings})
    assert ModelSpec.from_dict(spec.as_dict()) == spec
    assert set(spec.as_dict()["terms"][name]) == set(vars(TERMS[name].Config()))


def test_a_run_of_before_terms_has_none():
    document = spec_of().as_dict()
    del document["terms"]
    assert ModelSpec.from_dict(document) == spec_of()


def sections(**model) -> dict:
    data = {"path": "frames.extxyz", "target": ["energy", "forces"]}
    return {"data": data, "model": {"name": "schnet", **model}}


@pytest.mark.parametrize("given", ["zbl", ["zbl"], {"zbl": None}, {"zbl": {}}], ids=str)
def test_terms_are_named_as_one_likes(given):
    config = RunConfig.from_sections(sections(terms=given))
    assert config.spec.terms == {"zbl": {"outer": None}}
    assert RunConfig.from_sections(config.sections()).spec == config.spec


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ("zlb", "unknown term 'zlb' of model.terms; did you mean 'zbl'"),
        ({"zbl": {"outr": 1.0}}, "unknown key model.terms.zbl.outr; did you mean 'outer'"),
        ({"zbl": {"outer": -1.0}}, "model.terms.zbl.outer must be larger than 0 Å, got -1.0"),
    ],
)
def test_what_is_not_known_is_said(given, message):
    with pytest.raises(ConfigError, match=message):
        RunConfig.from_sections(sections(terms=given))


def test_a_property_has_no_terms():
    target = (Target("band_gap", Kind.INTENSIVE),)
    with pytest.raises(ConfigError, match=r"model.terms is for the energy of a potential: learn"):
        ModelSpec("schnet", SCHNET, "auto", "radius", {}, target, terms={"zbl": {}})


def test_a_disordered_site_has_no_term():
    with pytest.raises(ConfigError, match="zbl reads one element at each atom"):
        ModelSpec(
            "schnet",
            SCHNET,
            "auto",
            "radius",
            {},
            TARGETS,
            disorder="mix",
            terms={"zbl": {}},
        )


def squeezed() -> list[Crystal]:
    """Return crystals whose atoms are so near that the repulsion is strong."""
    crystal = contract_crystals()["triclinic"]
    factors = np.linspace(0.55, 0.75, 6)
    return [transforms.strain(crystal, (factor - 1) * np.eye(3)) for factor in factors]


def given(crystals: list[Crystal], spec: ModelSpec) -> Values:
    """Return the labels of the terms alone."""
    model = potential(spec)
    values = model.start(spec.make_graph(crystals))
    sizes = np.array([len(crystal) for crystal in crystals])
    return Values(TARGETS, {name: one.numpy() for name, one in values.items()}, sizes)


def test_what_the_terms_explain_is_not_left_to_the_reference_energies():
    crystals, spec = squeezed(), spec_of(zbl={"outer": 4.0})
    labels = given(crystals, spec)
    energies = labels.arrays["energy"] + 2.0 * labels.num_atoms
    assert np.ptp(energies) > 1.0
    model = potential(spec)
    model.fit_scales(
        Values(TARGETS, labels.arrays | {"energy": energies}, labels.num_atoms), crystals
    )
    start = model.start(spec.make_graph(crystals))
    np.testing.assert_allclose(start["energy"].numpy(), energies, atol=1e-9)
    for name in ("forces", "stress"):
        np.testing.assert_array_equal(start[name].numpy(), labels.arrays[name])
        assert np.abs(labels.arrays[name]).max() > 0.1


def test_a_learned_term_begins_beside_energies_of_the_elements_that_leave_room_for_it():
    spec = spec_of(coulomb={})
    crystals = [contract_crystals()[name] for name in ("triclinic", "sheared")]
    crystals += [transforms.strain(crystal, 0.02 * np.eye(3)) for crystal in crystals]
    model, graph = potential(spec), spec.make_graph(crystals)
    coulomb = model.terms["coulomb"]
    with torch.no_grad():
        energies = coulomb(model.encoded(graph), graph).split(graph.num_atoms.tolist())
    labels = np.array([float(part.sum()) for part in energies])
    assert np.abs(labels).min() > 1.0
    sizes = graph.num_atoms.numpy()
    nothing = model.start(graph)
    arrays = {name: one.numpy() for name, one in nothing.items()} | {"energy": labels}
    model.fit_scales(Values(TARGETS, arrays, sizes), crystals)
    np.testing.assert_allclose(model.start(graph)["energy"].numpy(), 0.0, atol=1e-9)


def test_training_sees_the_same_numbers_as_use():
    crystals, spec = squeezed(), spec_of(zbl={"outer": 4.0})
    model, graph = potential(spec), spec.make_graph(crystals)
    learning = model(graph).values
    (learning["forces"].square().sum() + learning["energy"].sum()).backward()
    assert all(p.grad is not None for p in model.parameters())
    with torch.no_grad():
        used = model(graph).values
    for name, values in used.items():
        torch.testing.assert_close(learning[name], values, rtol=1e-12, atol=1e-12)
