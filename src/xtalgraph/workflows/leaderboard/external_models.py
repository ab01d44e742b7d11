"""The entries of networks from other libraries, run unchanged in our training."""

import time
from dataclasses import dataclass
from importlib.metadata import version
from typing import Any, final

from xtalgraph.baselines.external_model import (
    EXTERNAL_MODELS,
    ExternalNetwork,
    check_external_models,
)
from xtalgraph.conventions.errors import GraphError, MissingExtraError
from xtalgraph.evidence.leaderboard import EntryResult
from xtalgraph.graphs.angles import Angles
from xtalgraph.graphs.build import GraphSettings
from xtalgraph.graphs.crystal_graph import CrystalGraph
from xtalgraph.graphs.graph import Graph
from xtalgraph.models.encoder import Encoder, Features
from xtalgraph.workflows.graph_source import make_graphs
from xtalgraph.workflows.leaderboard.encoder_training import trained_predictions
from xtalgraph.workflows.leaderboard.entry import Case, LeaderboardEntry, Level, why_not_mixtures
from xtalgraph.workflows.record import versions


@final
class ExternalEncoder(Encoder):
    """A network of another library as an encoder, so that readouts and training serve it."""

    @dataclass(frozen=True)
    class Config:
        """There is nothing to set: a network has the sizes that its class states."""

    def __init__(self, network: ExternalNetwork) -> None:
        super().__init__(self.Config(), network.cutoff)
        self.network = network
        self.width = network.width

    def forward(self, graph: Graph) -> Features:
        """Turn a batch of crystals into features."""
        if not isinstance(graph, CrystalGraph):
            raise GraphError(
                f"{self.network.name} adds up over edges without their multiplicities and cannot "
                "read a reduced graph"
            )
        return Features(self.network(graph))


class ExternalModelEntry(LeaderboardEntry):
    """A network of another library, with the graphs and the training of the assessed model."""

    def __init__(self, external: type[ExternalNetwork]) -> None:
        super().__init__(external.name, Level.PUBLIC)
        self.external = external

    def why_not(self, case: Case) -> str:
        """Its library must be there, every site hold one atom, and the target be no tensor."""
        if case.target.is_tensor:
            return f"networks of other libraries predict numbers, and {case.target.why_no_number}"
        try:
            check_external_models()
        except MissingExtraError as error:
            return str(error)
        return why_not_mixtures(case, "networks of other libraries read")

    def settings(self, case: Case) -> dict[str, Any]:
        """Return what decides graphs and training, and the versions of the libraries."""
        sections = case.config.sections()
        graph = {k: v for k, v in sections["graph"].items() if k != "reduction_tolerance"}
        return {
            "graph": graph,
            "training": case.config.deciding()["training"],
            "angles": self.external.angle_neighbors,
            "torch_geometric": version("torch_geometric"),
            "torch": versions()["torch"],
        }

    def run(self, case: Case) -> EntryResult:
        """Train, and predict the test part."""
        few, strategy = self.external.angle_neighbors, case.config.spec.make_strategy()
        settings = GraphSettings(strategy, 0.0, Angles(max_neighbors=few) if few else None)
        began, crystals = time.monotonic(), case.dataset.table.crystals
        show = case.session.progress
        graphs = make_graphs(crystals, settings, case.config.data, progress=show)
        values, weights = trained_predictions(
            self, case, graphs, lambda: ExternalEncoder(self.external(strategy.cutoff))
        )
        return EntryResult(values, time.monotonic() - began, weights)


def external_entries() -> list[LeaderboardEntry]:
    """Return every network of another library."""
    return [ExternalModelEntry(external) for external in EXTERNAL_MODELS]
