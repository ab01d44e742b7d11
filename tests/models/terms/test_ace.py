"""The cluster expansion beside a network: its energies, its fit, and what is left to learn."""

from dataclasses import replace

import numpy as np
import pytest
import torch
from ase.build import bulk
from ase.calculators.emt import EMT

from xtalgraph.conventions.errors import ConfigError
from xtalgraph.crystals.convert import from_ase
from xtalgraph.data.potential_targets import potential_targets
from xtalgraph.data.values import Values
from xtalgraph.graphs.build import build_graph
from xtalgraph.graphs.strategies import Radius
from xtalgraph.models.derivatives import derivatives, displaced
from xtalgraph.models.potential import Potential
from xtalgraph.models.spec import ModelSpec
from xtalgraph.models.terms.ace import ACE
from xtalgraph.nn.segments import segment_sum
from xtalgraph.training.compiled_steps import why_not_compiled
from xtalgraph.training.examples import Examples, labels_from
from xtalgraph.training.loop import Trainer
from xtalgraph.training.settings import TrainingConfig

TARGETS = potential_targets(["energy", "forces", "stress"])


def atoms_of(symbols: str, number: int, seed: int = 0, rattle: float = 0.15) -> list:
    drawn, made = np.random.default_rng(seed), []
    for index in range(number):
        atoms = bulk("Cu", cubic=True)
        atoms.symbols[:] = [symbols[2 * k : 2 * k + 2] for k in range(4)]
        atoms.set_cell(atoms.cell @ (np.eye(3) + drawn.uniform(-0.04, 0.04, (3, 3))), True)
        atoms.rattle(rattle, seed=100 * seed + index)
        made.append(atoms)
    return made


def term_of(elements: list[str], functions: int = 300, cutoff: float = 5.0) -> ACE:
    return ACE(ACE.Config(elements=elements, functions=functions), 8, cutoff)


def evaluated(term: ACE, crystals: list) -> dict[str, np.ndarray]:
    """Return energies, forces and stresses as a potential takes them from a term."""
    graph = build_graph(crystals, Radius(term.cutoff))
    at = displaced(graph, "position", "strain")
    energy = segment_sum(term(None, at.graph), graph.crystal_of_atom, len(graph))
    slopes = derivatives(energy, at, differentiable=False)
    values = {"energy": energy.detach(), "forces": slopes["position"], "stress": slopes["strain"]}
    return {name: value.numpy() for name, value in values.items()}


@pytest.mark.parametrize(
    ("symbols", "elements"),
    [("CuCuCuCu", ["Cu"]), ("CuAgCuAu", ["Au", "Cu", "Ag"]), ("CuAgCuNi", ["Ag", "Cu"])],
)
def test_it_is_the_sum_of_the_functions_that_are_fitted(symbols, elements, monkeypatch):
    monkeypatch.setattr("xtalgraph.models.terms.ace._ATOMS", 3)  # parts of crystals at a time
    crystals = [from_ase(atoms) for atoms in atoms_of(symbols, 3)]
    term = term_of(elements)
    coefficients = np.random.default_rng(0).normal(size=term.basis.columns)
    term._take(coefficients)
    designs = [term.basis.design(crystal) for crystal in crystals]
    values = evaluated(term, crystals)
    expected = {
        "energy": np.array([design.energy @ coefficients for design in designs]),
        "forces": np.concatenate([design.forces @ coefficients for design in designs]),
        "stress": np.stack([design.stress @ coefficients for design in designs]),
    }
    for name, array in expected.items():
        assert np.abs(array).max() > 0
        np.testing.assert_allclose(values[name], array, atol=1e-12 * np.abs(array).max())


def test_labels_of_its_own_functions_are_recovered():
    term, known = term_of(["Cu", "Ag"]), term_of(["Cu", "Ag"])
    crystals = [from_ase(atoms) for atoms in atoms_of("CuAgCuCu", 60)]
    known._take(np.random.default_rng(1).normal(size=known.basis.columns))
    labels = evaluated(known, crystals)
    labels["energy"] = labels["energy"] + np.array([-3.0, 1.0]) @ [
        [c.amounts[29] for c in crystals],
        [c.amounts[47] for c in crystals],
    ]
    assert term.is_open
    term.fit(crystals, labels)
    assert not term.is_open
    values = evaluated(term, crystals)
    for name in ("forces", "stress"):
        size = np.abs(labels[name]).max()
        np.testing.assert_allclose(values[name], labels[name], atol=1e-3 * size)
    left = labels["energy"] - values["energy"]  # of crystals with the same composition
    assert np.ptp(left) < 1e-3 * np.ptp(labels["energy"])


def test_missing_labels_and_unknown_elements_are_left_out():
    term = term_of(["Cu"])
    crystals = [from_ase(atoms) for atoms in atoms_of("CuCuCuCu", 12)]
    known = term_of(["Cu"])
    known._take(np.random.default_rng(1).normal(size=known.basis.columns))
    labels = evaluated(known, crystals)
    labels["energy"][3] = np.nan
    labels["forces"][8:12] = np.nan
    labels["stress"][4] = np.nan
    term.fit(crystals, labels)
    assert bool(torch.isfinite(term.of_products).all())
    (foreign,) = (from_ase(atoms) for atoms in atoms_of("AgAgAgAg", 1))
    assert np.abs(evaluated(term, [foreign])["energy"]).max() == 0.0
    only = {"energy": labels["energy"]}
    term.fit(crystals, only)
    assert bool(torch.isfinite(term.of_products).all())


def test_elements_must_be_known():
    with pytest.raises(ConfigError, match="elements is null"):
        ACE(ACE.Config(), 8, 5.0).fit([], {})


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"weights": {"force": 1.0}}, "weights has one of 'force'; did you mean 'forces'"),
        ({"weights": {"forces": -1.0}}, "weights.forces must be at least 0, got -1"),
        ({"functions": 0}, "functions must be at least 1, got 0"),
    ],
)
def test_what_cannot_be_is_refused(settings, message):
    with pytest.raises(ConfigError, match=message):
        ACE.Config(**settings)


def labelled(crystals: list, atoms: list) -> Values:
    rows = []
    for one in atoms:
        one.calc = EMT()
        stress = one.get_stress(voigt=False)
        rows.append((one.get_potential_energy(), one.get_forces(), stress))
    arrays = {
        "energy": np.array([energy for energy, _, _ in rows]),
        "forces": np.concatenate([forces for _, forces, _ in rows]),
        "stress": np.stack([stress for _, _, stress in rows]),
    }
    return Values(TARGETS, arrays, np.array([len(crystal) for crystal in crystals]))


def spec_of(**terms) -> ModelSpec:
    settings = {"width": 8, "filters": 8, "depth": 1, "basis_step": 0.5, "envelope": "polynomial"}
    given = {"ace": {"elements": ["Cu"], "functions": 100}, **terms}
    return ModelSpec("schnet", settings, "auto", "radius", {"cutoff": 5.0}, TARGETS, terms=given)


@pytest.mark.parametrize("terms", [{}, {"zbl": {"outer": 3.0}}], ids=["alone", "beside zbl"])
def test_a_potential_begins_with_what_it_explains(terms):
    atoms = atoms_of("CuCuCuCu", 40)
    crystals = [from_ase(one) for one in atoms]
    labels, spec = labelled(crystals, atoms), spec_of(**terms)
    model = spec.make_model()
    assert isinstance(model, Potential)
    before = model.given(spec.make_graph(crystals))
    model.fit_scales(labels, crystals)
    graph = spec.make_graph(crystals)
    start, given = model.start(graph), model.given(graph)
    for name in ("forces", "stress"):
        left = np.abs(labels[name] - start[name].numpy()).mean()
        assert left < 0.05 * np.abs(labels[name]).mean()
        assert left < 0.1 * np.abs(labels[name] - before[name].numpy()).mean()
    energies = labels["energy"] - np.mean(labels["energy"])
    assert (
        np.abs(labels["energy"] - start["energy"].numpy()).mean() < 0.05 * np.abs(energies).mean()
    )
    with torch.no_grad():
        whole, learned = model(graph).values, model.learned(graph).values
    for name, values in whole.items():
        torch.testing.assert_close(values.double(), learned[name].double() + given[name])
    kept = {name: value.clone() for name, value in model.terms.state_dict().items()}
    model.fit_scales(labels, crystals)  # as fine-tuning does: what is fitted stays
    for name, value in model.terms.state_dict().items():
        assert torch.equal(value, kept[name])


def test_energies_of_isolated_atoms_are_refused():
    with pytest.raises(ConfigError, match=r"leave out model\.reference_energies"):
        replace(spec_of(), reference_energies={"Cu": -0.3})


def test_a_long_fit_tells_how_far_it_is(caplog, monkeypatch):
    monkeypatch.setattr("xtalgraph.models.terms.ace._SECONDS", 0.0)
    atoms = atoms_of("CuCuCuCu", 3)
    crystals = [from_ase(one) for one in atoms]
    term = term_of(["Cu"], functions=30)
    with caplog.at_level("INFO", logger="xtalgraph"):
        term.fit(crystals, labelled(crystals, atoms).arrays)
    assert "linear ACE: 2 of 3 crystals" in caplog.text


def test_a_training_subtracts_it_from_the_labels_once(tmp_path, monkeypatch):
    atoms = atoms_of("CuCuCuCu", 12)
    crystals = [from_ase(one) for one in atoms]
    labels, spec = labelled(crystals, atoms), spec_of()
    model = spec.make_model()
    assert isinstance(model, Potential)
    assert why_not_compiled(model) is None
    model.fit_scales(labels, crystals)
    graph = spec.make_graph(crystals)
    given, train = model.given(graph), Examples(graph, labels_from(labels))
    config = TrainingConfig(epochs=1, batch_size=4)
    trainer = Trainer(model, train, train.select(torch.arange(0)), config, tmp_path, "key")
    for name, left in trainer.for_weights.labels.items():
        whole = torch.from_numpy(labels[name])
        torch.testing.assert_close(left.values, whole - given[name], rtol=0, atol=1e-12)
        assert torch.equal(trainer.train.labels[name].values, whole)

    def refuse(*_):
        raise AssertionError("the term was computed again")

    monkeypatch.setattr(ACE, "forward", refuse)
    of_labels = np.abs(labels["forces"]).mean() / float(trainer.scales["forces"].mean())
    assert of_labels > 20.0  # in units of what the term leaves
    assert trainer._epoch(0) < of_labels / 4
