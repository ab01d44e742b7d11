"""An equivariant encoder that is small enough for tests, with every degree and parity to 4."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

import torch

from xtalgraph.models import registry
from xtalgraph.models.encoder import Encoder, Features, Reads
from xtalgraph.nn.element_embedding import ElementEmbedding
from xtalgraph.nn.equivariant.convolution import Convolution
from xtalgraph.nn.equivariant.harmonics import SphericalHarmonics
from xtalgraph.nn.equivariant.linear import EquivariantLinear
from xtalgraph.nn.equivariant.surroundings import Surroundings
from xtalgraph.nn.expansion import make_envelope
from xtalgraph.nn.radial import BesselBasis

IRREPS = {(degree, parity): 3 for degree in range(5) for parity in (1, -1)}
SCALAR = (0, 1)


class TwoConvolutions(Encoder):
    """Every degree and parity up to 4, in two sums over neighbors."""

    @dataclass(frozen=True)
    class Config:
        """The highest degree."""

        degree: int = 4

    reads = Reads(directions=True)

    def __init__(self, config: Config, cutoff: float) -> None:
        super().__init__(config, cutoff)
        self.tensors = {irrep: n for irrep, n in IRREPS.items() if irrep[0] <= config.degree}
        self.width = self.tensors[SCALAR]
        self.embed = ElementEmbedding(self.width, "embedding")
        self.basis, self.envelope = BesselBasis(cutoff, 3), make_envelope("polynomial", cutoff)
        self.harmonics = SphericalHarmonics(config.degree)
        first = Convolution({SCALAR: self.width}, config.degree, self.tensors)
        mixed = EquivariantLinear(first.outputs, self.tensors)
        second = Convolution(mixed.outputs, config.degree, self.tensors)
        self.sums = torch.nn.ModuleList([first, second])
        self.radial = torch.nn.ModuleList(torch.nn.Linear(3, one.width, False) for one in self.sums)
        last = EquivariantLinear(second.outputs, self.tensors)
        self.mix = torch.nn.ModuleList([mixed, last])
        made = {SCALAR, *mixed.outputs, *last.outputs}
        self.tensors = {irrep: count for irrep, count in self.tensors.items() if irrep in made}

    def forward(self, graph) -> Features:
        around = Surroundings.of(graph, self.harmonics, self.embed.weight.dtype)
        basis = self.basis(around.distance) * self.envelope(around.distance).unsqueeze(-1)
        tensors = {SCALAR: self.embed(graph).unsqueeze(1)}
        for add, radial, mix in zip(self.sums, self.radial, self.mix, strict=True):
            added = mix(add(tensors, radial(basis), around))
            tensors = {k: v + tensors[k] if k in tensors else v for k, v in added.items()}
        return Features(tensors[SCALAR].squeeze(1), tensor=tensors)


@contextmanager
def registered() -> Iterator[None]:
    before = dict(registry.ENCODERS)
    registry.ENCODERS["two-convolutions"] = TwoConvolutions
    try:
        yield
    finally:
        if "two-convolutions" not in before:
            del registry.ENCODERS["two-convolutions"]
