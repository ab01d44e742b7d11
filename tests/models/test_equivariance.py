"""Features of every degree and parity turn with the crystal, and those that do not are caught."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass

import numpy as np
import pytest
import torch

from xtalgraph.data.targets import Kind, Target
from xtalgraph.models import registry
from xtalgraph.models.check_result import CheckResult
from xtalgraph.models.encoder import Encoder, Features, Reads
from xtalgraph.models.equivariance import CHECK, features_turn
from xtalgraph.models.model_under_test import ModelUnderTest
from xtalgraph.models.spec import ModelSpec
from xtalgraph.nn.element_embedding import ElementEmbedding
from xtalgraph.nn.equivariant.convolution import Convolution
from xtalgraph.nn.equivariant.harmonics import SphericalHarmonics
from xtalgraph.nn.equivariant.irreps import name_of
from xtalgraph.nn.equivariant.linear import EquivariantLinear
from xtalgraph.nn.equivariant.surroundings import Surroundings
from xtalgraph.nn.expansion import make_envelope
from xtalgraph.nn.radial import BesselBasis
from xtalgraph.testing.contract import check_contract
from xtalgraph.testing.crystals import contract_crystals

DEGREE = 3
IRREPS = {(degree, parity): 2 for degree in range(DEGREE + 1) for parity in (1, -1)}
SCALAR = (0, 1)
Change = Callable[[dict], dict]


class ThreeConvolutions(Encoder):
    """Every degree and parity up to 3, in three sums over neighbors."""

    @dataclass(frozen=True)
    class Config:
        """Nothing to set but what ruins the features."""

        envelope: str = "polynomial"

    reads = Reads(directions=True)
    tensors = IRREPS
    change: Change = staticmethod(dict)

    def __init__(self, config: Config, cutoff: float) -> None:
        super().__init__(config, cutoff)
        self.width = IRREPS[SCALAR]
        self.embed = ElementEmbedding(self.width, "embedding")
        self.basis, self.envelope = BesselBasis(cutoff, 3), make_envelope("polynomial", cutoff)
        self.harmonics = SphericalHarmonics(DEGREE)
        starts: list[dict] = [{SCALAR: self.width}, IRREPS, IRREPS]
        self.sums = torch.nn.ModuleList(Convolution(one, DEGREE, IRREPS) for one in starts)
        self.radial = torch.nn.ModuleList(torch.nn.Linear(3, one.width, False) for one in self.sums)
        self.mix = torch.nn.ModuleList(EquivariantLinear(one.outputs, IRREPS) for one in self.sums)

    def forward(self, graph) -> Features:
        around = Surroundings.of(graph, self.harmonics, self.embed.weight.dtype)
        basis = self.basis(around.distance) * self.envelope(around.distance).unsqueeze(-1)
        tensors = {SCALAR: self.embed(graph).unsqueeze(1)}
        for add, radial, mix in zip(self.sums, self.radial, self.mix, strict=True):
            shown = {irrep: tensors[irrep] for irrep in add.inputs if irrep in tensors}
            zeros = tensors[SCALAR].new_zeros
            for irrep, channels in add.inputs.items():
                if irrep not in shown:
                    shown[irrep] = zeros(len(graph.number), 2 * irrep[0] + 1, channels)
            tensors = mix(add(shown, radial(basis), around))
        tensors = self.change(tensors)
        return Features(tensors[SCALAR].squeeze(1), tensor=tensors)


@contextmanager
def registered(encoder: type[Encoder]) -> Iterator[ModelSpec]:
    registry.ENCODERS["three-convolutions"] = encoder
    try:
        target = Target("y", Kind.EXTENSIVE)
        yield ModelSpec("three-convolutions", {}, "sum", "radius", {"cutoff": 4.0}, (target,))
    finally:
        del registry.ENCODERS["three-convolutions"]


def result(change: Change = dict, draws: int = 2, *names: str) -> CheckResult:
    changed = type("Changed", (ThreeConvolutions,), {"change": staticmethod(change)})
    with registered(changed) as spec:
        torch.manual_seed(0)
        tested = ModelUnderTest.of([spec.make_model().double()], spec)
    crystals = {name: contract_crystals()[name] for name in names or ("triclinic", "slab")}
    conditions = spec.conditions.values_of([{}] * len(crystals))
    return next(features_turn(tested, crystals, conditions, 1e-10, draws))


def test_two_hundred_rotations_of_every_degree_and_parity():
    turned = result(dict, 200, "distorted")
    assert turned.passed
    assert turned.relative is not None
    assert 0.0 < turned.relative < 1e-10


def test_all_features_are_there():
    torch.manual_seed(0)
    changed = ThreeConvolutions(ThreeConvolutions.Config(), 4.0).double()
    with registered(ThreeConvolutions) as spec:
        features = changed(spec.make_graph(contract_crystals()["distorted"]))
    for irrep, values in features.tensor.items():
        assert float(values.detach().abs().max()) > 1e-6, name_of(irrep)


def constant(size: float) -> Change:
    """A vector that does not turn is added."""
    return lambda tensors: tensors | {(1, -1): tensors[1, -1] + size}


def test_what_the_symmetry_of_the_crystals_forbids_is_rounding():
    assert result(dict, 4, "cubic").passed
    assert not result(constant(1e-6), 4, "cubic").passed


def test_it_is_part_of_the_contract():
    with registered(ThreeConvolutions) as spec:
        torch.manual_seed(0)
        checks = check_contract(spec.make_model(), spec)
    assert CHECK in {check.check for check in checks}
    assert [check for check in checks if not check.passed] == []


def replaced(irrep, values: Callable[[dict], torch.Tensor]) -> Change:
    return lambda tensors: tensors | {irrep: values(tensors)}


WRONG: dict[str, tuple[Change, str]] = {
    "a component has a bias": (replaced((1, -1), lambda t: t[1, -1] + 0.1), "1o"),
    "the parity is another": (replaced((2, -1), lambda t: t[2, 1]), "2o"),
    "components in another order": (replaced((3, -1), lambda t: t[3, -1].roll(1, 1)), "3o"),
    "a nonlinearity of a component": (replaced((1, 1), lambda t: t[1, 1].tanh()), "1e"),
    "another number of channels": (replaced((2, 1), lambda t: t[2, 1][..., :1]), "2e"),
    "a pseudoscalar without sign": (replaced((0, -1), lambda t: t[0, -1].abs()), "0o"),
}


@pytest.mark.parametrize("what", WRONG)
def test_features_that_do_not_turn_are_caught(what):
    change, name = WRONG[what]
    caught = result(change)
    assert not caught.passed
    assert caught.target == name


def test_features_without_gradient_are_all_there():
    tensor = {(1, -1): torch.ones(2, 3, 4, requires_grad=True)}
    edge, rows = torch.ones(5, 2, requires_grad=True), torch.ones(2, 3, requires_grad=True)
    detached = Features(rows, rows[:1], (rows,), tensor, edge).detached()
    values = [detached.atom, detached.crystal, *detached.layers, *detached.tensor.values()]
    assert not any(one.requires_grad for one in (*values, detached.edge))
    assert list(detached.tensor) == [(1, -1)]
    np.testing.assert_array_equal(detached.edge, 1.0)
