"""How far an atom sees, measured by gradients."""

from dataclasses import dataclass

import numpy as np
import torch
from jaxtyping import Float, Int
from scipy.sparse import coo_array
from scipy.sparse.csgraph import shortest_path
from torch import Tensor

from xtalgraph.conventions.errors import ConfigError, GraphError
from xtalgraph.graphs.graph import Graph
from xtalgraph.models.encoder import Encoder
from xtalgraph.models.layers import features_of


@dataclass(frozen=True, eq=False)
class ReceptiveField:
    """What the features of one atom depend on."""

    sensitivity: Float[Tensor, " atoms"]
    """Size of the gradient with respect to the initial features of each atom."""
    hops: Int[Tensor, " atoms"]
    """Fewest edges from the atom to each other; −1 where no path leads there."""
    layers: int
    """Of the encoder."""

    @property
    def atoms(self) -> list[int]:
        """The atoms that are seen."""
        return [int(atom) for atom in self.sensitivity.nonzero().flatten()]

    @property
    def reach(self) -> int:
        """Hops to the farthest atom that is seen along edges; 0 where none is seen."""
        seen = self.hops[self.sensitivity > 0]
        return int(seen.max()) if len(seen) else 0


def receptive_field(encoder: Encoder, graph: Graph, atom: int) -> ReceptiveField:
    """Measure which atoms the final features of one atom depend on.

    The gradient is that of Σ c_k h_k with fixed, different c, in evaluation mode, since in
    training the statistics of a batch tie all atoms together. One layer of message passing sees
    one hop farther, one along triplets or dihedrals more; an encoder with a vector of the whole
    crystal sees all of it.

    Args:
        encoder: Left as it was, its gradients too.
        graph: In a periodic crystal an atom stands for all its images: distinguish them in a
            supercell.
        atom: The output, numbered through the batch.

    Raises:
        ConfigError: If the encoder does not return its layers, is frozen, or returns layers from
            which its features do not come.
        GraphError: If there is no such atom.
    """
    if not 0 <= atom < len(graph.number):
        raise GraphError(
            f"the graph has atoms 0 to {len(graph.number) - 1}, there is no atom {atom}"
        )
    with torch.enable_grad():
        features = features_of(encoder, graph, gradients=True)
        start, output = features.layers[0], features.atom[atom]
        name = type(encoder).__name__
        if not start.requires_grad:
            raise ConfigError(
                f"{name} lets no gradient through to the initial features, as all that makes them "
                "is frozen: call encoder.requires_grad_(True) first"
            )
        scale = torch.linspace(0.5, 1.5, len(output), dtype=output.dtype, device=output.device)
        gradient = None
        if output.requires_grad:
            total = (scale * output).sum()
            (gradient,) = torch.autograd.grad(total, start, allow_unused=True)
        if gradient is None:
            raise ConfigError(
                f"the features of {name} do not come from the first of the layers that it returns: "
                "let its forward return Features(atom, layers=(...)) with the very atoms that it "
                "computes with, not copies or detached ones"
            )
    return ReceptiveField(gradient.norm(dim=1), _hops(graph, atom), len(features.layers) - 1)


def _hops(graph: Graph, start: int) -> Int[Tensor, " atoms"]:
    """Count the edges from an atom to each other, along center to neighbor."""
    atoms, ends = (
        len(graph.number),
        [end.numpy(force=True) for end in (graph.center, graph.neighbor)],
    )
    edges = coo_array((np.ones(len(ends[0])), ends), shape=(atoms, atoms))
    hops = shortest_path(edges, unweighted=True, indices=start)
    return torch.from_numpy(np.where(np.isfinite(hops), hops, -1).astype(np.int64)).to(graph.number)
