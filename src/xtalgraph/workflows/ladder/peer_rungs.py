"""The rungs of networks from other libraries, run unchanged in our training."""

import json
import time
from dataclasses import dataclass
from importlib.metadata import version
from typing import Any, final

import torch

from xtalgraph.baselines.peer import PEERS, PeerNetwork, check_peers
from xtalgraph.conventions.errors import GraphError, MissingExtraError
from xtalgraph.graphs.angles import Angles
from xtalgraph.graphs.crystal_graph import CrystalGraph
from xtalgraph.graphs.graph import Graph
from xtalgraph.graphs.recipe import GraphRecipe
from xtalgraph.models.encoder import Encoder, Features
from xtalgraph.models.property_model import PropertyModel
from xtalgraph.models.readouts import readout_named
from xtalgraph.nn.determinism import deterministic
from xtalgraph.workflows.fitting import fit_model
from xtalgraph.workflows.graph_source import make_graphs
from xtalgraph.workflows.ladder.cache import key_of
from xtalgraph.workflows.ladder.rung import Case, Level, Rung, Said, why_not_mixtures
from xtalgraph.workflows.outcome import versions


@final
class PeerEncoder(Encoder):
    """A network of another library as an encoder, so that readouts and training serve it.

    Args:
        network: From a graph to vectors of its atoms.
    """

    @dataclass(frozen=True)
    class Config:
        """There is nothing to set: a peer has the sizes that its class states."""

    def __init__(self, network: PeerNetwork) -> None:
        super().__init__(self.Config(), network.cutoff)
        self.network = network
        self.width = network.width

    def forward(self, graph: Graph) -> Features:
        """Turn a batch of crystals into features."""
        if not isinstance(graph, CrystalGraph):
            raise GraphError(
                f"{self.network.name} adds up over edges without their multiplicities and cannot "
                "read a folded graph"
            )
        return Features(self.network(graph))


class PeerRung(Rung):
    """A network of another library, with the graphs and the training of the judged model.

    Args:
        peer: The network.
    """

    def __init__(self, peer: type[PeerNetwork]) -> None:
        super().__init__(peer.name, Level.PUBLIC, peer.description)
        self.peer = peer

    def why_not(self, case: Case) -> str:
        """Its library must be there, and every site hold one atom."""
        try:
            check_peers()
        except MissingExtraError as error:
            return str(error)
        return why_not_mixtures(case, "networks of other libraries read")

    def settings(self, case: Case) -> dict[str, Any]:
        """Return what decides graphs and training, and the versions of the libraries."""
        sections = case.config.sections()
        graph = {k: v for k, v in sections["graph"].items() if k != "fold_tolerance"}
        return {
            "graph": graph,
            "training": case.config.deciding()["training"],
            "angles": self.peer.angle_neighbors,
            "torch_geometric": version("torch_geometric"),
            "torch": versions()["torch"],
        }

    def run(self, case: Case) -> Said:
        """Train, and predict the test part."""
        config, target = case.config, case.target
        few = self.peer.angle_neighbors
        strategy = config.spec.make_strategy()
        recipe = GraphRecipe(strategy, 0.0, Angles(max_neighbors=few) if few else None)
        began = time.monotonic()
        crystals = case.labelled.table.crystals
        graphs = make_graphs(crystals, recipe, config.data, progress=case.progress)
        key = key_of(self, case)
        folder = case.folder / "runs" / f"{self.name}-{case.where}-{key[:12]}"
        with deterministic(config.training.threads):
            torch.manual_seed(config.training.seed)
            encoder = PeerEncoder(self.peer(strategy.cutoff))
            kind = readout_named("auto", target, PeerEncoder)
            readout = kind(encoder.width)
            deviations = [kind(encoder.width)] if config.training.variance else []
            model = PropertyModel(encoder, readout, target, deviations=deviations)
            fitted = fit_model(
                model,
                case.labelled,
                graphs,
                case.split,
                config.training,
                folder / "state",
                json.dumps([key, config.deciding()["training"]]),
                resume=True,
                report=case.report,
            )
        weights = sum(p.numel() for p in model.parameters())
        values = [fitted.values[i] for i in case.split.test]
        return Said(values, time.monotonic() - began, weights)


def peer_rungs() -> list[Rung]:
    """Return every network of another library."""
    return [PeerRung(peer) for peer in PEERS]
