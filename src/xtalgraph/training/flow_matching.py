"""Learning to draw crystals: noise flows to a crystal, and the network learns its velocity."""

from collections.abc import Sequence
from typing import Final, NoReturn, final

import torch
from jaxtyping import Float
from torch import Tensor

from xtalgraph.conventions.errors import ConfigError
from xtalgraph.crystals.crystal import Crystal
from xtalgraph.data.conditions import ConditionValues
from xtalgraph.data.targets import Kind, Target
from xtalgraph.data.values import Values
from xtalgraph.graphs.graph import Graph
from xtalgraph.models.encoder import Features
from xtalgraph.models.generation.network import FlowNetwork
from xtalgraph.models.generation.state import CellsAndSites, shapes_of, without_mean, wrapped
from xtalgraph.models.model import ByTarget, Model, ModelParts, Output
from xtalgraph.models.pretrained import vectors_of_crystals
from xtalgraph.nn.segments import segment_sum
from xtalgraph.training.alignment import nearest_writing

TARGETS: Final = Target("sites", Kind.INTENSIVE), Target("shapes", Kind.INTENSIVE)
"""The losses, to be made 0."""
_SEED: Final = 5
"""Of what is drawn in evaluation."""
_LEAST_STD: Final = 0.02
"""Of the noise of a shape: 2 % of a length, so that cells that are all alike can be learned."""
_NOTHING: Final = {"sites": 1 / 12, "shapes": 2.0}
"""Mean square of what is to be known, of each number."""


@final
class FlowMatching(Model):
    """A network with the paths from noise to crystals; its values are its losses.

    Sites begin anywhere in the cell and go the shortest way on the torus, cells begin as Gaussian
    noise of the mean and standard deviation of the training part and go a straight way, both at
    constant velocity. The time is drawn uniformly. The losses are the mean squares of the errors of
    the two velocities, in units of what knowing nothing costs.

    Args:
        network: What learns.

    Source: B. K. Miller et al., ICML 2024 (arXiv 2406.04713), section 4, for the paths.
    """

    encoder: FlowNetwork

    def __init__(self, network: FlowNetwork) -> None:
        super().__init__(network, TARGETS)

    @classmethod
    def made_of(cls, parts: ModelParts) -> NoReturn:
        """Refuse: it is made of a network alone, and lives in a training alone."""
        raise ConfigError("a flow is made of its network alone")

    @property
    def learns_variance(self) -> bool:
        """A loss has none."""
        return False

    def forward(self, graph: Graph) -> Output:
        """Return the losses of each crystal.

        Args:
            graph: A batch of crystals; its edges are not read.
        """
        generator = None if self.training else torch.Generator().manual_seed(_SEED)
        end = self.encoder.state_of(graph)
        time = torch.rand(len(graph), generator=generator).to(end.shape)
        sites = torch.rand(end.fractional.shape, generator=generator).to(end.shape)
        shape = torch.randn(end.shape.shape, generator=generator).to(end.shape)
        near = nearest_writing(end.fractional, sites, end.number, end.num_atoms)
        way, change = wrapped(near - sites), end.shape - shape
        passed = time.repeat_interleave(end.num_atoms).unsqueeze(-1)
        state = CellsAndSites(
            end.number, end.num_atoms, sites + passed * way, shape + time.unsqueeze(-1) * change
        )
        features = self.encoder.features(state, time)
        velocities = self.encoder.read_out(features, state)
        wrong = (velocities.sites - without_mean(way, end.num_atoms)).square().mean(dim=-1)
        total = segment_sum(wrong, graph.crystal_of_atom, len(graph))
        losses = {
            "sites": total / end.num_atoms / _NOTHING["sites"],
            "shapes": (velocities.shapes - change).square().mean(dim=-1) / _NOTHING["shapes"],
        }
        return Output(losses, {}, features)

    @torch.no_grad()
    def start(self, graph: Graph) -> ByTarget:
        """Return 1, the loss of knowing nothing, of each."""
        ones = torch.ones(len(graph), dtype=torch.float64, device=graph.number.device)
        return {target.name: ones for target in self.targets}

    def fit_scales(
        self, labels: Values, crystals: Sequence[Crystal], conditions: ConditionValues | None = None
    ) -> None:
        """Take mean and standard deviation of the shapes of the training part."""
        self.fit_shapes(crystals)

    @torch.no_grad()
    def fit_shapes(self, crystals: Sequence[Crystal]) -> None:
        """Take mean and standard deviation of the shapes of the training part."""
        cells = torch.stack([torch.tensor(crystal.cell) for crystal in crystals])
        shapes = shapes_of(cells, torch.tensor([len(crystal) for crystal in crystals]))
        self.encoder.mean.copy_(shapes.mean(dim=0))
        self.encoder.std.copy_(shapes.std(dim=0, correction=0).clamp(min=_LEAST_STD))

    def embedding(self, features: Features, graph: Graph) -> Float[Tensor, "crystals width"]:
        """Return the mean over the atoms."""
        return vectors_of_crystals(features, graph)
