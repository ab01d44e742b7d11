"""The model of a property: encoder, readout, scaler, and the target they serve."""

from typing import final

from jaxtyping import Float
from torch import Tensor, nn

from xtalgraph.data.targets import Target
from xtalgraph.graphs.crystal_graph import CrystalGraph
from xtalgraph.models.encoder import Encoder
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

    def forward(self, graph: CrystalGraph) -> Float[Tensor, " rows"]:
        """Predict one value for each crystal, or for each atom if the target is atomic."""
        value = self.readout(self.encoder(graph), graph)
        scaled: Tensor = self.scaler(value, graph, self.target)
        return scaled
