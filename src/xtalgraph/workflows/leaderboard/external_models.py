"""The entries of networks from other libraries, run unchanged in our training."""

import json
import time
from dataclasses import dataclass
from importlib.metadata import version
from typing import Any, final

import torch

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
from xtalgraph.models.head import Head
from xtalgraph.models.model import PropertyModel
from xtalgraph.models.requirements import readout_named
from xtalgraph.nn.determinism import deterministic
from xtalgraph.workflows.fit import predict_all, trainer_for
from xtalgraph.workflows.graph_source import make_graphs
from xtalgraph.workflows.leaderboard.entry import Case, LeaderboardEntry, Level, why_not_mixtures
from xtalgraph.workflows.leaderboard.running import key_of
from xtalgraph.workflows.prepared import Prepared
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
        config, target = case.config, case.target
        few = self.external.angle_neighbors
        strategy = config.spec.make_strategy()
        graph_settings = GraphSettings(strategy, 0.0, Angles(max_neighbors=few) if few else None)
        began = time.monotonic()
        crystals = case.dataset.table.crystals
        graphs = make_graphs(crystals, graph_settings, config.data, progress=case.session.progress)
        key = key_of(self, case)
        folder = case.folder / "runs" / f"{self.name}-{case.where}-{key[:12]}"
        with deterministic(config.training.threads):
            torch.manual_seed(config.training.seed)
            encoder = ExternalEncoder(self.external(strategy.cutoff))
            kind = readout_named("auto", target, ExternalEncoder)
            readouts = [kind(encoder.width)]
            deviations = [kind(encoder.width)] if config.training.variance else []
            model = PropertyModel(encoder, {target.name: Head(target, readouts, deviations)})
            made_from = json.dumps([key, config.deciding()["training"]])
            prepared = Prepared(case.divided, graphs)
            trainer = trainer_for(model, prepared, config.training, folder / "state", made_from)
            trainer.fit(resume=True, report=case.session.report)
            predictions = predict_all(model, prepared)
        weights = sum(p.numel() for p in model.parameters())
        values = predictions.values.of(target.name, case.split.test)
        return EntryResult(values, time.monotonic() - began, weights)


def external_entries() -> list[LeaderboardEntry]:
    """Return every network of another library."""
    return [ExternalModelEntry(external) for external in EXTERNAL_MODELS]
