"""Potentials whose properties are in the literature, through the whole chain up to dynamics."""

from dataclasses import dataclass

import numpy as np
import pytest
import torch
from ase.build import bulk
from ase.calculators.lj import LennardJones as AseLennardJones
from torch import nn

from xtalgraph.conventions.errors import ConfigError
from xtalgraph.crystals import transforms
from xtalgraph.crystals.convert import from_ase, to_ase
from xtalgraph.crystals.crystal import Crystal
from xtalgraph.data.potential_targets import energy_target, forces_target, stress_target
from xtalgraph.data.targets import Kind
from xtalgraph.models.encoder import Encoder, Features
from xtalgraph.models.predictor import Predictor
from xtalgraph.models.readouts import READOUTS, Readout
from xtalgraph.models.registry import ENCODERS
from xtalgraph.models.spec import ModelSpec
from xtalgraph.nn.segments import segment_sum
from xtalgraph.simulation.calculator import PotentialCalculator
from xtalgraph.simulation.dynamics import Dynamics, drift, trajectory
from xtalgraph.simulation.elastic import elastic_constants
from xtalgraph.simulation.equation_of_state import equation_of_state
from xtalgraph.simulation.phonons import phonons
from xtalgraph.simulation.relaxation import relax
from xtalgraph.simulation.side_by_side import relax_side_by_side

TARGETS = (energy_target(), forces_target(), stress_target())


class Given(Readout):
    """The first feature of an atom is its energy."""

    name = "given"
    serves = Kind.EXTENSIVE

    def contributions(self, features, graph):
        return features.atom[:, 0]

    def aggregate(self, contributions, graph):
        return segment_sum(contributions.double(), graph.crystal_of_atom, len(graph))

    def embedding(self, features, graph):
        return segment_sum(features.atom, graph.crystal_of_atom, len(graph))


class Known(Encoder):
    """An encoder that computes what is known."""

    def __init__(self, config, cutoff) -> None:
        super().__init__(config, cutoff)
        self.width = 1
        self.unused = nn.Parameter(torch.zeros(1))


class LennardJones(Known):
    """4ε[(σ/r)¹² − (σ/r)⁶], shifted to 0 at the cutoff, as ASE has it."""

    @dataclass(frozen=True)
    class Config:
        epsilon: float = 0.0104
        sigma: float = 3.4
        envelope: str = "shift"

    def forward(self, graph) -> Features:
        inverse = (self.config.sigma / graph.distance) ** 6
        end = (self.config.sigma / self.cutoff) ** 6
        pair = 4.0 * self.config.epsilon * (inverse**2 - inverse - (end**2 - end))
        return Features(segment_sum(pair / 2, graph.center, len(graph.number)).unsqueeze(-1))


class StillingerWeber(Known):
    """Silicon: F. H. Stillinger and T. A. Weber, Phys. Rev. B 31, 5262 (1985)."""

    @dataclass(frozen=True)
    class Config:
        epsilon: float = 2.1682
        sigma: float = 2.0951
        envelope: str = "exponential"

    def forward(self, graph) -> Features:
        epsilon, sigma = self.config.epsilon, self.config.sigma
        scaled = graph.distance / sigma
        inside = scaled < 1.8 - 1e-9
        away = torch.where(inside, scaled - 1.8, -1.0)
        fade = torch.where(inside, torch.exp(1.0 / away), 0.0)
        two = 7.049556277 * (0.6022245584 * scaled**-4 - 1.0) * fade / 2.0
        degree = graph.degree
        starts = torch.cumsum(degree, 0) - degree
        count = degree.index_select(0, graph.center)
        first = torch.arange(len(graph.center)).repeat_interleave(count)
        place = torch.arange(len(first)) - (torch.cumsum(count, 0) - count).repeat_interleave(count)
        second = starts.index_select(0, graph.center.index_select(0, first)) + place
        first, second = first[second > first], second[second > first]
        unit = graph.vector / graph.distance.unsqueeze(-1)
        cosine = (unit[first] * unit[second]).sum(-1)
        grow = torch.where(inside, torch.exp(1.2 / away), 0.0)
        three = 21.0 * grow[first] * grow[second] * (cosine + 1.0 / 3.0) ** 2
        energy = segment_sum(two, graph.center, len(graph.number))
        energy = energy + segment_sum(three, graph.center[first], len(graph.number))
        return Features(epsilon * energy.unsqueeze(-1))


@pytest.fixture
def made(monkeypatch):
    monkeypatch.setitem(READOUTS, "given", Given)

    def make(name: str, encoder: type[Known], cutoff: float):
        monkeypatch.setitem(ENCODERS, name, encoder)
        spec = ModelSpec(name, {}, "given", "radius", {"cutoff": cutoff}, TARGETS)
        return PotentialCalculator(Predictor([spec.make_model().double()], spec, ["Si", "Ar"]))

    return make


@pytest.fixture
def silicon(made):
    return made("sw", StillingerWeber, 1.8 * 2.0951)


def test_lennard_jones_is_that_of_ase_frame_by_frame(made):
    ours = made("lj", LennardJones, 9.0)
    theirs = AseLennardJones(epsilon=0.0104, sigma=3.4, rc=9.0)
    argon = from_ase(bulk("Ar", a=5.3, cubic=True))
    dynamics = Dynamics("nve", temperature=40.0, step=4.0)
    moments = [list(trajectory(argon, one, dynamics, 30, every=3)) for one in (ours, theirs)]
    for own, other in zip(*moments, strict=True):
        assert own.potential == pytest.approx(other.potential, rel=1e-10)
        assert own.force == pytest.approx(other.force, rel=1e-7, abs=1e-10)
        assert own.pressure == pytest.approx(other.pressure, rel=1e-7)


def test_argon_reaches_the_temperature_and_the_pressure_that_were_asked_for(made):
    argon = transforms.supercell(from_ase(bulk("Ar", a=5.2, cubic=True)), (2, 2, 2))
    dynamics = Dynamics("npt", temperature=60.0, pressure=0.4, step=10.0, coupling=100.0)
    calculator = made("lj", LennardJones, 7.0)
    moments = list(trajectory(argon, calculator, dynamics, 600, every=2))[100:]
    assert np.mean([one.temperature for one in moments]) == pytest.approx(60.0, rel=0.12)
    assert np.mean([one.pressure for one in moments]) == pytest.approx(0.4, abs=0.06)
    assert moments[0].volume != moments[-1].volume


def test_argon_has_the_energy_and_bulk_modulus_of_a_lennard_jones_crystal(made):
    # Kittel, Introduction to Solid State Physics, ch. 3: −8.6 ε an atom and 75 ε/σ³.
    curve = equation_of_state(from_ase(bulk("Ar", a=5.24)), made("lj", LennardJones, 17.0))
    assert curve.energy == pytest.approx(-8.6 * 0.0104, rel=0.02)
    assert curve.bulk_modulus == pytest.approx(75 * 0.0104 / 3.4**3 * 160.218, rel=0.03)


def test_silicon_of_stillinger_and_weber_relaxes_to_its_lattice(silicon):
    atoms = bulk("Si", a=5.6, cubic=True)
    atoms.rattle(0.05, seed=2)
    relaxed = relax(from_ase(atoms), silicon, force=1e-4, stress=1e-6)
    assert relaxed.energy / 8 == pytest.approx(-4.3363, abs=2e-4)  # the paper's −2ε
    assert relaxed.crystal.volume ** (1 / 3) == pytest.approx(5.431, abs=1e-3)


def test_several_crystals_relax_side_by_side_to_what_each_relaxes_to(silicon):
    crystals = []
    for seed, cubic in enumerate([True, False, True, False]):
        atoms = bulk("Si", a=5.5, cubic=cubic)
        atoms.rattle(0.04 * (seed + 1), seed=seed)
        crystals.append(from_ase(atoms))
    limits = {"force": 1e-4, "stress": 1e-6, "steps": 200}
    cell = [True, True, False, True]
    together = relax_side_by_side(crystals, silicon, cell=cell, **limits)
    for crystal, moves, one in zip(crystals, cell, together, strict=True):
        alone = relax(crystal, silicon, cell=moves, **limits)
        assert one.converged
        assert one.steps == alone.steps
        assert one.energy == pytest.approx(alone.energy, abs=1e-9)
        assert np.abs(one.crystal.positions - alone.crystal.positions).max() < 1e-8
    assert len({one.steps for one in together}) > 1  # they end one after the other
    slab = Crystal(
        crystals[0].cell, crystals[0].positions, crystals[0].numbers, np.array([True, True, False])
    )
    refused, good = relax_side_by_side([slab, crystals[1]], silicon, cell=[True, True], **limits)
    assert isinstance(refused, ConfigError)
    assert good.converged


def test_silicon_has_the_elastic_constants_of_the_literature(silicon):
    # E. R. Cowley, Phys. Rev. Lett. 60, 2379 (1988); H. Balamane et al., Phys. Rev. B 46, 2250
    # (1992): 151.4, 76.4 and 56.4 GPa.
    crystal = from_ase(bulk("Si", a=5.431))
    found = elastic_constants(crystal, silicon).constants
    assert [found[0, 0], found[0, 1], found[3, 3]] == pytest.approx([151.4, 76.4, 56.4], rel=0.01)
    clamped = elastic_constants(crystal, silicon, relax=False).constants
    assert clamped[3, 3] > 1.5 * found[3, 3]  # ions that cannot follow
    assert clamped[0, 0] == pytest.approx(found[0, 0], rel=1e-3)


def test_sound_in_silicon_is_as_fast_as_its_elastic_constants_say(silicon):
    # Along [100]: ρ v² = C11 and C44, of the same literature; ρ = 2.33 g/cm³.
    found = phonons(from_ase(bulk("Si", a=5.431)), silicon)
    assert (found.space_group, found.repeats, found.displacements) == ("Fd-3m", (4, 4, 4), 1)
    first = found.path[0]
    assert first.labels == ("Γ", "X")
    speed = 100.0 * first.frequencies[1, :3] / first.distance[1]  # m/s
    constants = 1e-9 * found.known.primitive.masses.sum() / found.primitive.volume * 1660.539
    assert constants * speed**2 == pytest.approx([56.4, 56.4, 151.4], rel=0.02)
    assert found.is_stable
    assert found.lowest > -1e-4


def test_silicon_keeps_its_energy_to_second_order_in_the_step(silicon):
    crystal = transforms.supercell(from_ase(bulk("Si", a=5.431, cubic=True)), (2, 1, 1))
    errors = []
    for step in (2.0, 1.0):
        dynamics = Dynamics("nve", temperature=300.0, step=step)
        moments = list(trajectory(crystal, silicon, dynamics, round(150 / step)))
        errors.append(np.std([one.total for one in moments]))
    assert 3.5 < errors[0] / errors[1] < 4.5
    assert abs(drift(moments, len(crystal))) < 1e-4
    assert silicon.neighbors.searches < 10


def test_forces_of_silicon_are_those_by_differences(silicon):
    atoms = bulk("Si", a=5.5, cubic=True)
    atoms.rattle(0.1, seed=1)
    atoms.calc = silicon
    forces, step = atoms.get_forces(), 1e-4
    energies = []
    for sign in (1, -1):
        moved = to_ase(from_ase(atoms))
        moved.positions[3, 1] += sign * step
        energies.append(silicon.get_potential_energy(moved))
    assert forces[3, 1] == pytest.approx(-(energies[0] - energies[1]) / (2 * step), rel=1e-6)
