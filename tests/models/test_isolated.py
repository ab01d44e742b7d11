"""Reference energies: fitted, given, or of frames that hold a single atom."""

import numpy as np
import pytest
import torch

from xtalgraph.conventions.errors import ConfigError, InputError
from xtalgraph.crystals.crystal import Crystal
from xtalgraph.data.potential_labels import isolated_atoms
from xtalgraph.data.potential_targets import energy_target, forces_target, stress_target
from xtalgraph.data.values import Values
from xtalgraph.models.potential import Potential
from xtalgraph.models.spec import ModelSpec
from xtalgraph.testing.contract import check_contract
from xtalgraph.testing.crystals import contract_crystals
from xtalgraph.workflows.config import RunConfig

TARGETS = (energy_target(), forces_target(), stress_target())
SCHNET = {"width": 8, "filters": 8, "depth": 1, "basis_step": 0.5, "envelope": "polynomial"}
ENERGIES = {"Na": -0.25, "Cl": -1.5, "O": -2.0}


def spec_of(reference=None, readout: str = "auto") -> ModelSpec:
    return ModelSpec(
        "schnet",
        SCHNET,
        readout,
        "radius",
        {"cutoff": 5.0},
        TARGETS,
        reference_energies=reference,
    )


def potential(spec: ModelSpec) -> Potential:
    torch.manual_seed(0)
    model = spec.make_model()
    assert isinstance(model, Potential)
    return model.double().eval()


def alone(number: int) -> Crystal:
    return Crystal(12.0 * np.eye(3), np.zeros((1, 3)), np.array([number]), np.ones(3, dtype=bool))


def labelled(crystals: list[Crystal], energies: list[float]) -> Values:
    sizes = np.array([len(one) for one in crystals])
    arrays = {
        "energy": np.array(energies),
        "forces": np.zeros((sizes.sum(), 3)),
        "stress": np.zeros((len(sizes), 3, 3)),
    }
    return Values(TARGETS, arrays, sizes)


def energy(model: Potential, spec: ModelSpec, crystal: Crystal) -> float:
    return float(model(spec.make_graph(crystal)).values["energy"].detach())


def test_an_isolated_atom_has_the_energy_that_is_given():
    spec = spec_of(ENERGIES)
    model = potential(spec)
    for number, expected in ((11, -0.25), (17, -1.5), (8, -2.0)):
        assert energy(model, spec, alone(number)) == expected
    bound = contract_crystals()["triclinic"]
    assert energy(model, spec, bound) == pytest.approx(
        energy(potential(spec_of()), spec, bound), abs=1e-6
    )  # with neighbours all of it is learned


def test_frames_of_single_atoms_give_them_and_the_lowest_counts():
    crystals = [contract_crystals()["triclinic"], alone(11), alone(17), alone(8), alone(8)]
    energies = [-20.0, -0.25, -1.5, -1.9, -2.0]
    spec = spec_of("isolated")
    model = potential(spec)
    model.fit_scales(labelled(crystals, energies), crystals)
    for number, expected in ((11, -0.25), (17, -1.5), (8, -2.0)):
        assert energy(model, spec, alone(number)) == expected
    with pytest.raises(InputError, match="the training part has none of O: add such frames"):
        potential(spec).fit_scales(labelled(crystals[:3], energies[:3]), crystals[:3])


def test_what_is_an_isolated_atom():
    near = Crystal(4.0 * np.eye(3), np.zeros((1, 3)), np.array([8]), np.ones(3, dtype=bool))
    molecule = Crystal(np.eye(3), np.zeros((1, 3)), np.array([3]), np.zeros(3, dtype=bool))
    crystals = [near, molecule, alone(11), alone(17)]
    energies = np.array([-9.0, -3.0, np.nan, -1.5])
    assert isolated_atoms(crystals, energies) == {3: -3.0, 17: -1.5}
    assert isolated_atoms(crystals, energies, 13.0) == {3: -3.0}


def test_a_pair_falls_apart_smoothly_and_into_its_atoms():
    spec = spec_of(ENERGIES)
    model, apart = potential(spec), []
    for distance in (4.9, 4.99, 4.999, 5.001):
        positions = np.array([[0.0, 0.0, 0.0], [0.0, 0.0, distance]])
        pair = Crystal(np.eye(3), positions, np.array([11, 17]), np.zeros(3, dtype=bool))
        apart.append(abs(energy(model, spec, pair) + 1.75))
    assert apart[0] > apart[1] > apart[2] > apart[3] == 0.0
    assert apart[2] < 1.2e-3 * apart[1]  # as the third power of the distance to the cutoff


def test_it_signs_the_contract():
    given = dict.fromkeys(("Na", "Cl", "O", "Fe", "S", "Cu", "Ar", "C", "N", "B"), -1.0)
    spec = spec_of(given)
    assert [one for one in check_contract(potential(spec), spec) if not one.passed] == []


def test_it_is_saved_and_a_run_of_before_has_none():
    spec = spec_of(ENERGIES)
    document = spec.as_dict()
    assert ModelSpec.from_dict(document) == spec
    del document["reference_energies"]
    assert ModelSpec.from_dict(document) == spec_of()
    assert "isolated.energy" not in potential(spec_of()).state_dict()


def test_it_needs_an_energy_of_each_atom():
    with pytest.raises(ConfigError, match=r"needs an energy for each atom: set model.readout=sum"):
        spec_of(ENERGIES, "n-times-mean")
    with pytest.raises(ConfigError, match="names 'Xx', which is no symbol of an element"):
        spec_of({"Xx": 1.0}).make_model()


@pytest.mark.parametrize("given", [{"Cu": -0.5}, "isolated", None], ids=str)
def test_it_is_a_setting_of_a_run(given):
    data = {"path": "frames.extxyz", "target": ["energy", "forces"]}
    model = {"name": "schnet", "reference_energies": given}
    config = RunConfig.from_sections({"data": data, "model": model})
    assert config.spec.reference_energies == given
    assert RunConfig.from_sections(config.sections()).spec == config.spec
