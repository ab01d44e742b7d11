"""The model of a property: encoder, readout, scaler, and the target they serve."""

from typing import final

import torch
from jaxtyping import Float
from torch import Tensor, nn

from xtalgraph.conventions.errors import GraphError
from xtalgraph.data.targets import Target
from xtalgraph.graphs.graph import Graph
from xtalgraph.graphs.invariant_graph import InvariantGraph
from xtalgraph.models.encoder import Encoder
from xtalgraph.models.folding import why_not_folded
from xtalgraph.models.readouts import Readout, check_serves
from xtalgraph.models.scaler import Scaler


@final
class PropertyModel(nn.Module):
    """Predicts a target of crystals in its own unit.

    Args:
        encoder: Turns the graph into features.
        readout: Turns the features into the target; must serve its kind.
        target: What is predicted.

    Raises:
        TargetError: If the readout does not serve the target's kind.
    """

    def __init__(self, encoder: Encoder, readout: Readout, target: Target) -> None:
        super().__init__()
        check_serves(readout, target)
        self.encoder = encoder
        self.readout = readout
        self.scaler = Scaler()
        self.target = target

    def forward(self, graph: Graph) -> Float[Tensor, " rows"]:
        """Return one value for each crystal, or for each atom if the target is atomic.

        It is the prediction in the target's unit; of a class the log-odds of class 1, which the
        loss reads, see `prediction`.

        Args:
            graph: What to predict.

        Raises:
            GraphError: If the graph is folded and the model cannot read that.
        """
        if isinstance(graph, InvariantGraph):
            reason = why_not_folded(self.encoder, self.target)
            if reason:
                raise GraphError(f"the model cannot read a folded graph: {reason}")
        value = self.readout(self.encoder(graph), graph)
        scaled: Tensor = self.scaler(value, graph, self.target)
        return scaled

    def prediction(self, value: Float[Tensor, " rows"]) -> Float[Tensor, " rows"]:
        """Turn what `forward` returned into predictions, in float64.

        Args:
            value: In the target's unit, or log-odds.

        Returns:
            The same; of a class the probability of class 1.
        """
        value = value.double()  # before the sigmoid, which in float32 is 1 from 17 on
        return torch.sigmoid(value) if self.target.is_class else value
