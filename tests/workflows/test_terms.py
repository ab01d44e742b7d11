"""Terms of a potential from a command to its use."""

import json

import numpy as np
import pytest
import torch
from ase import Atoms
from ase.build import bulk
from ase.calculators.emt import EMT
from ase.calculators.singlepoint import SinglePointCalculator
from ase.io import read, write

import xtalgraph
from xtalgraph.conventions.errors import ConfigError
from xtalgraph.crystals.convert import from_ase
from xtalgraph.models.checkpoint import load_model
from xtalgraph.models.terms.ace import ACE

SMALL = ["model.width=8", "model.filters=8", "model.depth=1", "model.basis_step=0.5"]


@pytest.fixture(scope="module")
def frames(tmp_path_factory):
    """Return a file of rattled copper."""
    path, several = tmp_path_factory.mktemp("frames") / "copper.extxyz", []
    for seed in range(12):
        atoms = bulk("Cu", cubic=True)
        atoms.rattle(0.05, seed=seed)
        atoms.calc = EMT()
        results = {"energy": atoms.get_potential_energy(), "forces": atoms.get_forces()}
        atoms.calc = SinglePointCalculator(atoms, **results)
        several.append(atoms)
    write(path, several)
    return path


def trained(frames, out, *overrides: str):
    xtalgraph.train(
        frames,
        target=["energy", "forces"],
        model="schnet",
        out=out,
        overrides=[*SMALL, "training.epochs=2", *overrides],
        progress=False,
    )
    return xtalgraph.calculator(out)


def test_atoms_of_a_trained_run_do_not_fall_into_each_other(frames, tmp_path):
    calculator = trained(frames, tmp_path / "run", "model.terms=zbl")
    for distance, least in ((0.5, 1000.0), (1.0, 100.0)):
        pair = Atoms("Cu2", [[0, 0, 0], [0, 0, distance]], calculator=calculator)
        force = pair.get_forces()
        assert force[1, 2] > least  # away from the other
        assert np.abs(force[0] + force[1]).max() < 1e-8


@pytest.fixture(scope="module")
def run(frames, tmp_path_factory):
    """Return a run whose network learned what a cluster expansion leaves."""
    out, fits = tmp_path_factory.mktemp("runs") / "run", []
    fit = ACE.fit
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(ACE, "fit", lambda term, *given: fits.append(fit(term, *given)))
        overrides = "model.terms={ace: {functions: 30}}", "training.members=2", "training.jobs=1"
        trained(frames, out, *overrides)
    assert len(fits) == 1  # for both members
    return out


def test_a_run_takes_its_elements_from_the_data_and_its_fit_to_its_use(run, frames):
    model, spec, _ = load_model(run)
    assert spec.terms["ace"]["elements"] == ["Cu"]
    assert not model.terms["ace"].is_open
    known, calculator = read(frames, ":"), xtalgraph.calculator(run)
    errors, sizes = [], []
    for atoms in known:
        forces = atoms.get_forces()
        copy = atoms.copy()
        copy.calc = calculator
        errors.append(np.abs(copy.get_forces() - forces).mean())
        sizes.append(np.abs(forces).mean())
    assert np.mean(errors) < 0.3 * np.mean(sizes)  # which two epochs of a network do not reach


def test_fine_tuning_keeps_the_fit_and_refuses_another(run, frames, tmp_path):
    shared = {"epochs": 1, "progress": False, "target": ["energy", "forces"], "no_scratch": True}
    xtalgraph.finetune(run, frames, out=tmp_path / "more", **shared)
    before, after = (load_model(folder)[0].terms["ace"] for folder in (run, tmp_path / "more"))
    for name, value in before.state_dict().items():
        np.testing.assert_array_equal(after.state_dict()[name], value)
    for given in ("model.terms={ace: {functions: 40}}", "model.terms=zbl"):
        with pytest.raises(ConfigError, match=r"model.terms.ace is fitted before a network learns"):
            xtalgraph.finetune(run, frames, out=tmp_path / "no", overrides=[given], **shared)


@pytest.fixture(scope="module")
def half(frames, tmp_path_factory):
    """Return a run of three members of which the first has the fitted term."""
    out = tmp_path_factory.mktemp("runs") / "half"
    trained(frames, out, *HALF, "training.members=3", "training.jobs=1")
    return out


HALF = "model.terms={ace: {functions: 30}}", "training.members_with_terms=half"


def weights_of(folder):
    return load_model(folder)[0].state_dict()


def test_of_half_the_others_are_those_of_a_run_without_terms(half, frames, tmp_path):
    with_term, *without = (weights_of(half / at) for at in ("", "members/1", "members/2"))
    assert with_term["terms.ace.of_products"].any()
    trained(frames, tmp_path / "alone", "training.members=3", "training.jobs=1")
    for number, state in enumerate(without, start=1):
        assert not state["terms.ace.of_products"].any()
        expected = weights_of(tmp_path / "alone" / "members" / str(number))
        for name, value in expected.items():
            assert torch.equal(state[name], value), name
    # Beside the term the rate is a tenth, the default of a run whose members all have it.
    trained(frames, tmp_path / "beside", HALF[0])
    for name, value in weights_of(tmp_path / "beside").items():
        assert torch.equal(with_term[name], value), name


def test_the_mean_of_both_kinds_is_predicted(half, frames):
    atoms = read(frames, 0)
    atoms.calc = xtalgraph.calculator(half)
    energies = []
    for at in ("", "members/1", "members/2"):
        model, spec, _ = load_model(half / at)
        energy = model(spec.make_graph([from_ase(atoms)])).values["energy"]
        energies.append(energy.item())
    assert atoms.get_potential_energy() == pytest.approx(np.mean(energies), rel=1e-6)


def test_fine_tuned_members_go_on_as_they_were(half, frames, tmp_path):
    done = xtalgraph.finetune(
        half, frames, target=["energy", "forces"], out=tmp_path / "more", epochs=1,
        no_scratch=True, progress=False,
    )  # fmt: skip
    for at, wanted in (("", True), ("members/1", False), ("members/2", False)):
        state = weights_of(done.run.folder / at)
        assert bool(state["terms.ace.of_products"].any()) == wanted


def test_members_of_two_kinds_need_a_fitted_term_and_a_training(frames, tmp_path):
    for given, message in (
        (("training.members_with_terms=half",), "beside and without a term that is fitted"),
        ((*HALF, "training.epochs=0"), "beside and without a term that is fitted"),
        ((*HALF, "training.snapshots=true", "training.members=2"), "here learns another quantity"),
    ):
        with pytest.raises(ConfigError, match=message):
            trained(frames, tmp_path / "no", *given)


def test_what_the_fit_gives_alone_is_a_rung_of_the_report(run):
    metrics = json.loads((run / "metrics.json").read_text(encoding="utf-8"))
    for name in ("energy", "forces"):
        models = list(metrics["targets"][name]["models"])
        assert models[:2] == ["schnet", "fitted terms"]
    errors = metrics["targets"]["forces"]["models"]
    alone, nothing = (
        errors[rung]["test"]["mae"]["value"] for rung in ("fitted terms", "reference energies")
    )
    assert 0 < alone < 0.5 * nothing


def test_without_epochs_the_fit_is_the_potential(frames, tmp_path):
    options = {"target": ["energy", "forces"], "model": "schnet", "epochs": 0, "progress": False}
    given = [*SMALL, "model.terms={ace: {functions: 30}}"]
    xtalgraph.train(frames, out=tmp_path / "run", overrides=given, **options)
    metrics = json.loads((tmp_path / "run" / "metrics.json").read_text(encoding="utf-8"))
    for name in ("energy", "forces"):
        models = metrics["targets"][name]["models"]
        whole, alone = (models[key]["test"]["mae"]["value"] for key in ("schnet", "fitted terms"))
        assert whole == pytest.approx(alone, rel=1e-6)
    with pytest.raises(ConfigError, match=r"training.epochs must be at least 1, got 0; 0 is for"):
        xtalgraph.train(frames, out=tmp_path / "no", overrides=SMALL, **options)
    assert not (tmp_path / "no").exists()
