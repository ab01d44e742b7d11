"""Small cells are evaluated by one thread where threads sleep while they wait."""

import pytest
import torch
from ase.build import bulk

from xtalgraph.data.potential_targets import energy_target, forces_target
from xtalgraph.models.potential import Potential
from xtalgraph.models.predictor import Predictor
from xtalgraph.models.spec import ModelSpec
from xtalgraph.simulation.calculator import PotentialCalculator
from xtalgraph.simulation.threads import MANY_ATOMS, threads_for


@pytest.fixture
def two_threads(monkeypatch):
    monkeypatch.setenv("OMP_WAIT_POLICY", "PASSIVE")
    before = torch.get_num_threads()
    torch.set_num_threads(2)
    yield
    torch.set_num_threads(before)


@pytest.mark.usefixtures("two_threads")
@pytest.mark.parametrize(
    ("policy", "atoms", "used"),
    [
        ("PASSIVE", 1, 1),
        ("passive", MANY_ATOMS - 1, 1),
        ("PASSIVE", MANY_ATOMS, 2),
        ("ACTIVE", 1, 2),
        (None, 1, 2),
    ],
)
def test_threads_follow_the_size(monkeypatch, policy, atoms, used):
    monkeypatch.delenv("OMP_WAIT_POLICY")
    if policy is not None:
        monkeypatch.setenv("OMP_WAIT_POLICY", policy)
    with threads_for(atoms):
        assert torch.get_num_threads() == used
    assert torch.get_num_threads() == 2
    with pytest.raises(KeyError), threads_for(atoms):
        raise KeyError
    assert torch.get_num_threads() == 2


@pytest.mark.usefixtures("two_threads")
def test_a_calculator_follows_it(monkeypatch):
    used, evaluate = [], Potential.evaluate

    def counted(self, *args):
        used.append(torch.get_num_threads())
        return evaluate(self, *args)

    monkeypatch.setattr(Potential, "evaluate", counted)
    settings = {"width": 4, "filters": 4, "depth": 1, "envelope": "polynomial"}
    targets = (energy_target(), forces_target())
    spec = ModelSpec("schnet", settings, "auto", "radius", {"cutoff": 3.0}, targets)
    for times in (1, 8):
        atoms = bulk("Si", cubic=True) * (times, times, 2)
        atoms.calc = PotentialCalculator(Predictor([spec.make_model().eval()], spec, ["Si"]))
        atoms.get_forces()
    assert used == [1, 2]
