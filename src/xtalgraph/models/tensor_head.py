"""What turns features that turn with the crystal into a tensor of the crystal or of its atoms."""

from collections.abc import Sequence
from typing import Final, cast, final

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor, nn

from xtalgraph.conventions.errors import TargetError
from xtalgraph.conventions.tensors import Irrep
from xtalgraph.crystals.composition import Elements
from xtalgraph.data.targets import Kind, Target
from xtalgraph.graphs.graph import Graph, Scope
from xtalgraph.models.encoder import Encoder, Features
from xtalgraph.models.head import Scaler, known_rows, zeros_of
from xtalgraph.models.readouts import Readout
from xtalgraph.models.requirements import check_readout, check_tensor, check_variance
from xtalgraph.models.target_head import TargetHead
from xtalgraph.nn.equivariant.decomposition import decomposition
from xtalgraph.nn.pooling import MeanPooling
from xtalgraph.nn.segments import gather, segment_sum, weighted

INVARIANT: Final[Irrep] = (0, 1)
"""What no rotation or inversion changes."""


@final
class TensorHead(TargetHead):
    """A tensor as a sum of its irreducible representations, each read from features that turn so.

    The invariant ones y_0 have a readout each, as numbers have. Of degree l and parity p an atom
    contributes y_i = Σ_k w_k(h_i) t_ik, a sum over the channels k of its features t of the same
    l and p, whose weights are a network of its invariants h; for an intensive target of h_i ⊕
    mean_j h_j, so that they depend on the whole crystal. y is their mean over the atoms, their sum,
    or that of each atom, as the target's kind says. The tensor is Σ_l s_l y_l Q_l + the mean
    isotropic tensor, where Q is the change of basis, and the scale s_l the root mean square of the
    components of degree l in training: nothing in it distinguishes an axis. So a prediction has the
    symmetry of its crystal.

    Args:
        target: A tensor.
        readout: Of what no rotation changes; its kind says how atoms are put together.
        encoder: Makes the features.
        deviations: Whether the variance is to be learned, which a tensor has not.

    Raises:
        TargetError: If the encoder has not the features that the tensor needs, the readout does not
            serve its kind, or a variance is wanted.
    """

    scales: Tensor

    def __init__(
        self, target: Target, readout: type[Readout], encoder: Encoder, deviations: bool = False
    ) -> None:
        super().__init__(target)
        check_readout(readout, target)
        check_tensor(target, encoder)
        if deviations:
            check_variance(target)
        width, crystal_width = encoder.width, encoder.crystal_width
        bases = decomposition(target.tensor)
        self.irreps: Final[tuple[Irrep, ...]] = tuple(bases)
        for number, basis in enumerate(bases.values()):
            self.register_buffer(f"basis_{number}", basis)
        self.register_buffer("scales", torch.ones(len(bases), dtype=torch.float64))
        copies = {irrep: len(basis) for irrep, basis in bases.items()}
        count = copies.get(INVARIANT, 0)
        self.readouts = nn.ModuleList(readout(width, crystal_width) for _ in range(count))
        self.scalers = nn.ModuleList(Scaler() for _ in range(count))
        inputs = width * (2 if target.kind is Kind.INTENSIVE else 1) + crystal_width
        self.weights = nn.ModuleList(
            nn.Sequential(
                nn.Softplus(),
                nn.Linear(inputs, width),
                nn.SiLU(),
                nn.Linear(width, copies[irrep] * encoder.tensors[irrep]),
            )
            for irrep in self.irreps
            if irrep != INVARIANT
        )

    def forward(self, features: Features, graph: Graph) -> Float[Tensor, "rows *shape"]:
        """Return a tensor for each crystal, or for each atom if the target is atomic."""
        return self._tensors(self._invariants(features, graph) | self._turning(features, graph))

    def _invariants(self, features: Features, graph: Graph) -> dict[Irrep, Tensor]:
        """Return the invariant numbers in the unit of the target, shape (rows, copies, 1)."""
        columns = [
            scaler(readout(features, graph), graph, self.target)
            for readout, scaler in zip(self.readouts, self.scalers, strict=True)
        ]
        return {INVARIANT: torch.stack(columns, dim=-1).unsqueeze(-1)} if columns else {}

    def _turning(self, features: Features, graph: Graph) -> dict[Irrep, Tensor]:
        """Return the numbers of each other degree, shape (rows, copies, components)."""
        known, weights = self._known(features, graph), iter(self.weights)
        numbers = {}
        for number, irrep in enumerate(self.irreps):
            if irrep == INVARIANT:
                continue
            channels = features.tensor[irrep]
            weight = next(weights)(known).unflatten(1, (-1, channels.shape[-1]))
            of_atoms = weight @ channels.mT / channels.shape[-1] ** 0.5
            rows = self._put_together(of_atoms, graph)
            numbers[irrep] = rows * self.scales[number].to(rows.dtype)
        return numbers

    def _known(self, features: Features, graph: Graph) -> Float[Tensor, "atoms inputs"]:
        """Return what the weights of an atom are made of."""
        parts = [features.atom]
        if self.target.kind is Kind.INTENSIVE:
            parts.append(gather(self.embedding(features, graph), graph.crystal_of_atom))
        elif features.crystal is not None:
            parts.append(gather(features.crystal, graph.crystal_of_atom))
        return torch.cat(parts, dim=-1)

    def _put_together(
        self, of_atoms: Float[Tensor, "atoms copies components"], graph: Graph
    ) -> Float[Tensor, "rows copies components"]:
        if self.target.scope is Scope.ATOM:
            return of_atoms
        counts = graph.atom_count
        total = segment_sum(weighted(of_atoms.double(), counts), graph.crystal_of_atom, len(graph))
        if self.target.kind is Kind.EXTENSIVE:
            return total
        size = segment_sum(counts.double(), graph.crystal_of_atom, len(graph))
        return (total / size[:, None, None]).to(of_atoms.dtype)

    def _tensors(self, numbers: dict[Irrep, Tensor]) -> Float[Tensor, "rows *shape"]:
        """Return the tensors that the numbers of all representations make."""
        parts = [
            torch.einsum("nck,cke->ne", numbers[irrep], self._basis(number).to(numbers[irrep]))
            for number, irrep in enumerate(self.irreps)
            if irrep in numbers
        ]
        return torch.stack(parts).sum(dim=0).unflatten(1, self.target.tensor.shape)

    def _basis(self, number: int) -> Tensor:
        return cast(Tensor, getattr(self, f"basis_{number}"))

    def deviation(self, features: Features, graph: Graph) -> Float[Tensor, "rows *shape"]:
        """Refuse: no variance of a tensor is learned."""
        raise TargetError(f"{self.target.name!r} is a tensor, of which no variance is learned")

    @torch.no_grad()
    def start(self, graph: Graph) -> Float[Tensor, "rows *shape"]:
        """Return the mean isotropic tensor, in float64: where training begins."""
        nothing = zeros_of(self.target, graph)
        columns = [scaler(nothing, graph, self.target) for scaler in self.scalers]
        if not columns:
            return nothing.new_zeros(len(nothing), *self.target.tensor.shape)
        return self._tensors({INVARIANT: torch.stack(columns, dim=-1).unsqueeze(-1)})

    @torch.no_grad()
    def fit(self, values: Float[np.ndarray, "rows *shape"], numbers: Sequence[Elements]) -> None:
        """Fit the mean isotropic tensor and the scale of each degree, see `TargetHead.fit`."""
        flat = values.reshape(len(values), -1)
        known, amounts = known_rows(flat[:, 0], numbers, self.target)
        for number, irrep in enumerate(self.irreps):
            basis = self._basis(number).cpu().numpy()
            parts = np.einsum("ne,cke->nck", flat[known], basis)
            if irrep == INVARIANT:
                for column, scaler in zip(parts[:, :, 0].T, self.scalers, strict=True):
                    cast(Scaler, scaler).fit(column, amounts, self.target)
                continue
            if self.target.kind is Kind.EXTENSIVE:
                parts = parts / np.array([amount.sum() for amount in amounts])[:, None, None]
            size = float(np.sqrt(np.mean(parts**2)))
            self.scales[number] = size if size > 0 else 1.0

    @property
    def size(self) -> float:
        """The largest of the scales and of the mean isotropic tensor; of a total per atom."""
        turning = zip(self.irreps, self.scales.tolist(), strict=True)
        sizes = [size for irrep, size in turning if irrep != INVARIANT]
        sizes += [float(cast(Scaler, scaler).shift.abs().max()) for scaler in self.scalers]
        return max(sizes)

    def embedding(self, features: Features, graph: Graph) -> Float[Tensor, "crystals width"]:
        """Return the mean of the atoms' invariants, beside those of the crystal."""
        count = graph.atom_count.to(features.atom.dtype)
        pooling = MeanPooling(features.atom.shape[1])
        mean = pooling(features.atom, count, graph.crystal_of_atom, len(graph))
        return mean if features.crystal is None else torch.cat([mean, features.crystal], dim=-1)

    @property
    def learns_pooling(self) -> bool:
        """Whether the pooling has weights: it has none."""
        return False
