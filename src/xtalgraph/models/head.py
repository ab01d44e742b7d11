"""What turns the features of an encoder into one target."""

from typing import final

from jaxtyping import Float
from torch import Tensor, nn

from xtalgraph.data.targets import Target
from xtalgraph.graphs.graph import Graph
from xtalgraph.models.encoder import Features
from xtalgraph.models.readouts import Readout
from xtalgraph.models.requirements import check_readout
from xtalgraph.models.scaler import Scaler


@final
class Head(nn.Module):
    """A readout and the scaler of its target.

    Args:
        readout: Turns the features into the target; must serve its kind.
        target: What is predicted.

    Raises:
        TargetError: If the readout does not serve the target's kind.
    """

    def __init__(self, readout: Readout, target: Target) -> None:
        super().__init__()
        check_readout(readout, target)
        self.readout = readout
        self.scaler = Scaler()
        self.target = target

    def forward(self, features: Features, graph: Graph) -> Float[Tensor, " rows"]:
        """Return one value for each crystal, or for each atom if the target is atomic."""
        scaled: Tensor = self.scaler(self.readout(features, graph), graph, self.target)
        return scaled
