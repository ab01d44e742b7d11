"""Learning without labels: a model whose values are losses, in the one training loop."""

from collections.abc import Sequence
from typing import Final, NamedTuple, NoReturn, final

import torch
from jaxtyping import Float, Int
from torch import Tensor, nn
from torch.nn import functional

from xtalgraph.conventions.elements import MAX_ATOMIC_NUMBER
from xtalgraph.conventions.errors import ConfigError
from xtalgraph.crystals.crystal import Crystal
from xtalgraph.data.conditions import ConditionValues
from xtalgraph.data.targets import Kind, Target
from xtalgraph.data.values import Values
from xtalgraph.graphs.crystal_graph import CrystalGraph
from xtalgraph.graphs.graph import Graph
from xtalgraph.graphs.views import hide_elements, rattle, repeat
from xtalgraph.models.encoder import Encoder, Features
from xtalgraph.models.model import ByTarget, Model, ModelParts, Output
from xtalgraph.models.pretrained import vectors_of_crystals
from xtalgraph.models.requirements import why_not_mixtures
from xtalgraph.nn.edge_vectors import EdgeVectors
from xtalgraph.nn.segments import segment_sum
from xtalgraph.training.pretraining_settings import PretrainingConfig

AT_REST: Final = -1
"""Stands where a crystal that is not rattled has no forces."""
_SEED: Final = 0
"""Of what is drawn in evaluation, so that epochs are compared on the same noise."""
_INVARIANCE: Final = 25.0
_VARIANCE: Final = 25.0
_COVARIANCE: Final = 1.0
_EPSILON: Final = 1e-4


def targets_of(config: PretrainingConfig) -> tuple[Target, ...]:
    """Return what stands for objectives in a training: the loss of each, to be made 0."""
    return tuple(Target(name, Kind.INTENSIVE) for name in config.names)


class View(NamedTuple):
    """A graph with what was done to it."""

    graph: CrystalGraph
    """What the encoder reads."""
    number: Int[Tensor, " atoms"]
    """The elements."""
    hidden: Int[Tensor, " hidden"]
    """The atoms whose elements are hidden."""
    displacement: Float[Tensor, "atoms 3"]
    """By which atoms were moved, Å."""
    strain: Float[Tensor, "crystals 3 3"]
    """Of the cells."""


@final
class SelfSupervised(Model):
    """An encoder with what its objectives need; the value of each is its loss, of each crystal.

    Positions, cells and hidden elements are drawn anew at every step, from torch's global
    generator, which a training seeds at each epoch; in evaluation they are always the same. Edges
    stay those of the crystal as it was: an edge that becomes longer than the cutoff fades.

    - ``elements``: the cross entropy of the hidden elements, over the entropy of all elements.
    - ``positions``, ``cells``: the mean square of the error of displacement and strain, in units of
      their standard deviations. To know how far atoms were moved from rest is to know a force
      field in which they rest (Zaidi et al., ICLR 2023, arXiv 2206.00133; for any encoder from
      directions of edges, see `EdgeVectors`).
    - ``views``: the loss of VICReg between the projected vectors of two views, over 50 (A. Bardes,
      J. Ponce, Y. LeCun, ICLR 2022, arXiv 2105.04906); views of crystals as in R. Magar et al.,
      npj Comput. Mater. 8, 231 (2022).
    - ``forces``: the mean square of the error of the forces of a teacher, in units of their
      standard deviation. They are of rattled crystals, from which nothing else is learned, and
      nothing is drawn; one condition of a graph tells where its forces begin, see `take_forces`.

    Args:
        encoder: What learns.
        config: The objectives.

    Raises:
        ConfigError: If elements are to be hidden from an encoder that must know each.
    """

    entropy: Tensor
    teaching: Tensor

    def __init__(self, encoder: Encoder, config: PretrainingConfig) -> None:
        super().__init__(encoder, targets_of(config))
        self.pretraining, names, width = config, config.names, encoder.width
        reason = why_not_mixtures(type(encoder), encoder.config)
        if reason and "elements" in names:
            raise ConfigError(
                f"pretraining.objectives has 'elements', which hides some, and {reason}: leave it "
                "out, or take another model"
            )
        self.hides = not reason and config.hidden > 0 and {"elements", "views"} & {*names}
        self.register_buffer("entropy", torch.ones((), dtype=torch.float64))
        if "elements" in names:
            self.element = nn.Sequential(
                nn.LayerNorm(width), nn.Linear(width, MAX_ATOMIC_NUMBER + 1)
            )
        if {"positions", "cells"} & {*names}:
            self.moves = EdgeVectors(width, encoder.cutoff)
        if "forces" in names:
            self.pull = EdgeVectors(width, encoder.cutoff)
            self.register_buffer("teaching", torch.zeros(0, 3), persistent=False)
        if "views" in names:
            size = width + encoder.crystal_width
            self.projector = nn.Sequential(
                nn.LayerNorm(size),
                nn.Linear(size, 2 * size),
                nn.SiLU(),
                nn.Linear(2 * size, 2 * size),
            )

    @classmethod
    def made_of(cls, parts: ModelParts) -> NoReturn:
        """Refuse: it is made of an encoder and its objectives, and lives in a training alone."""
        raise ConfigError("what learns without labels is made of an encoder and its objectives")

    @property
    def learns_variance(self) -> bool:
        """A loss has none."""
        return False

    def forward(self, graph: Graph) -> Output:
        """Return the loss of each objective for each crystal.

        Args:
            graph: A batch of crystals, not reduced by symmetry.

        Raises:
            GraphError: If it has no positions, or a disordered site.
        """
        generator = None if self.training else torch.Generator().manual_seed(_SEED)
        whole = self.encoder.in_space(graph)
        if "forces" in self.pretraining.names:
            values, features = self._learn_both(whole, generator)
        else:
            values, features = self._learn_drawn(whole, generator)
        return Output({name: values[name] for name in self.pretraining.names}, {}, features)

    def take_forces(self, forces: Float[Tensor, "atoms 3"]) -> None:
        """Take the forces of a teacher.

        Args:
            forces: On the atoms of all rattled crystals, in units of their standard deviation. The
                condition of a graph is the row of the first atom of the crystal, or `AT_REST`.
        """
        self.teaching = forces

    def _learn_both(
        self, graph: CrystalGraph, generator: torch.Generator | None
    ) -> tuple[ByTarget, Features]:
        """Return losses of forces for rattled crystals, the others for those at rest; else 0."""
        first = graph.conditions[:, 0].long()
        graph = graph.replace(conditions=graph.conditions[:, :0])
        losses: ByTarget = {}
        for rattled in (False, True):
            rows = torch.nonzero((first != AT_REST) == rattled).squeeze(-1)
            if len(rows) == 0:
                continue
            part = graph.select(rows)
            if rattled:
                features = self.encoder(part)
                known = {"forces": self._forces(features, part, first.index_select(0, rows))}
            else:
                known, features = self._learn_drawn(part, generator)
            for name, loss in known.items():
                losses[name] = loss.new_zeros(len(graph)).index_copy(0, rows, loss)
        nothing = next(iter(losses.values())).new_zeros(len(graph))
        return {name: losses.get(name, nothing) for name in self.pretraining.names}, features

    def _learn_drawn(
        self, whole: CrystalGraph, generator: torch.Generator | None
    ) -> tuple[ByTarget, Features]:
        """Return the losses of what is drawn."""
        view = self._view(whole, generator)
        features = self.encoder(view.graph)
        values: ByTarget = {}
        if "elements" in self.pretraining.names:
            values["elements"] = self._elements(features, view)
        if hasattr(self, "moves"):
            values |= self._moves(features, view)
        if "views" in self.pretraining.names:
            axis = int(torch.randint(6, (), generator=generator))
            if axis < 3 and bool(whole.pbc[:, axis].all()):
                whole = repeat(whole, axis)
            other = self._view(whole, generator).graph
            pair = [
                self.projector(vectors_of_crystals(made, of))
                for made, of in ((features, view.graph), (self.encoder(other), other))
            ]
            values["views"] = vicreg(*pair).expand(len(whole))
        return values, features

    def _view(self, graph: CrystalGraph, generator: torch.Generator | None) -> View:
        number, hidden = graph.number, graph.number[:0]
        if self.hides:
            graph, hidden = hide_elements(graph, self.pretraining.hidden, generator)
        scales = self.pretraining.displacement, self.pretraining.strain
        rattled = rattle(graph, *scales, generator)
        return View(rattled.graph, number, hidden, rattled.displacement, rattled.strain)

    def _elements(self, features: Features, view: View) -> Float[Tensor, " crystals"]:
        """Return the cross entropy of the hidden elements of each crystal, over that of all."""
        logits = self.element(features.atom.index_select(0, view.hidden))
        losses = functional.cross_entropy(
            logits, view.number.index_select(0, view.hidden), reduction="none"
        )
        crystal = view.graph.crystal_of_atom.index_select(0, view.hidden)
        total = segment_sum(losses, crystal, len(view.graph))
        return total / (crystal.bincount(minlength=len(view.graph)) * self.entropy.to(total.dtype))

    def _moves(self, features: Features, view: View) -> ByTarget:
        """Return the errors of displacements and strains, in units of what was drawn."""
        vectors, tensors = self.moves(features.atom, view.graph)
        losses: ByTarget = {}
        if "positions" in self.pretraining.names:
            wanted = view.displacement.to(vectors.dtype) / self.pretraining.displacement
            errors = (vectors - wanted).square().mean(dim=-1)
            total = segment_sum(errors, view.graph.crystal_of_atom, len(view.graph))
            losses["positions"] = total / view.graph.num_atoms
        if "cells" in self.pretraining.names:
            wanted = view.strain.to(tensors.dtype) / self.pretraining.strain
            losses["cells"] = (tensors - wanted).square().flatten(1).mean(dim=-1)
        return losses

    def _forces(
        self, features: Features, graph: CrystalGraph, first: Int[Tensor, " crystals"]
    ) -> Float[Tensor, " crystals"]:
        """Return the errors of forces, of which the first of each crystal is in a row."""
        vectors, _ = self.pull(features.atom, graph)
        crystal = graph.crystal_of_atom
        shift = first - (graph.num_atoms.cumsum(0) - graph.num_atoms)
        rows = torch.arange(len(crystal), device=crystal.device) + shift.index_select(0, crystal)
        wanted = self.teaching.index_select(0, rows).to(vectors.dtype)
        errors = (vectors - wanted).square().mean(dim=-1)
        return segment_sum(errors, crystal, len(graph)) / graph.num_atoms

    @torch.no_grad()
    def start(self, graph: Graph) -> ByTarget:
        """Return 1, the loss of knowing nothing, of each objective."""
        ones = torch.ones(len(graph), dtype=torch.float64, device=graph.number.device)
        return dict.fromkeys(self.pretraining.names, ones)

    @torch.no_grad()
    def fit_scales(
        self, labels: Values, crystals: Sequence[Crystal], conditions: ConditionValues | None = None
    ) -> None:
        """Take the entropy of the elements of the training part, in nats; 1 of one element."""
        counts = torch.from_numpy(sum(crystal.amounts for crystal in crystals))
        shares = counts[counts > 0] / counts.sum()
        if len(shares) > 1:
            self.entropy.copy_(-(shares * shares.log()).sum())

    def embedding(self, features: Features, graph: Graph) -> Float[Tensor, "crystals width"]:
        """Return the mean over the atoms."""
        return vectors_of_crystals(features, graph)


def vicreg(
    first: Float[Tensor, "crystals width"], second: Float[Tensor, "crystals width"]
) -> Float[Tensor, ""]:
    """Return the loss of two views: how far apart they are, and how little their columns say.

    [25 s + 25 (v + v') + (c + c')] / 50, with s the mean squared difference, v the mean over
    columns of what their standard deviation lacks of 1, and c the sum of squared covariances over
    the width. It is 0.99 where all crystals have one vector.

    Args:
        first: Projected vectors of the crystals of a batch.
        second: Of other views of the same crystals.

    Source: A. Bardes, J. Ponce, Y. LeCun, ICLR 2022, arXiv 2105.04906.

    >>> same = torch.zeros(4, 2)
    >>> vicreg(same, same)
    tensor(0.9900)
    """
    losses = [_INVARIANCE * functional.mse_loss(first, second)]
    for vectors in (first, second):
        centered = vectors - vectors.mean(dim=0)
        covariance = centered.T @ centered / max(1, len(vectors) - 1)
        variance = covariance.diagonal()
        lacking = functional.relu(1 - (variance + _EPSILON).sqrt()).mean()
        mixed = (covariance.square().sum() - variance.square().sum()) / vectors.shape[1]
        losses += [_VARIANCE * lacking, _COVARIANCE * mixed]
    return torch.stack(losses).sum() / (2 * _VARIANCE)
