"""The entry of fixed vectors of atoms: only a readout is trained on them."""

import time
from dataclasses import dataclass
from typing import Any, Final, final

import numpy as np
import torch
from torch import Tensor, nn

from xtalgraph.baselines.descriptor import AtomRows
from xtalgraph.conventions.errors import GraphError, MissingExtraError
from xtalgraph.evidence.leaderboard import EntryResult
from xtalgraph.graphs.described_graph import DescribedGraph
from xtalgraph.graphs.graph import Graph
from xtalgraph.models.encoder import Encoder, Features
from xtalgraph.workflows.graph_source import Graphs
from xtalgraph.workflows.leaderboard.descriptors import DescribedCrystals
from xtalgraph.workflows.leaderboard.encoder_training import trained_predictions
from xtalgraph.workflows.leaderboard.entry import Case, LeaderboardEntry, Level, why_not_mixtures
from xtalgraph.workflows.record import versions

READOUT: Final = "readout"
"""The name of what learns."""
WIDTH: Final = 64
"""Of the vectors that the readout reads."""


@final
class FixedVectors(Encoder):
    """The vectors of the atoms, standardised and multiplied with a matrix that is learned.

    Args:
        rows: Of the atoms of the training part, from which mean and deviation are taken.
    """

    @dataclass(frozen=True)
    class Config:
        """There is nothing to set."""

    mean: Tensor
    std: Tensor

    def __init__(self, rows: AtomRows) -> None:
        super().__init__(self.Config(), 0.0)
        self.width = WIDTH
        std = rows.std(axis=0)
        self.register_buffer("mean", torch.from_numpy(rows.mean(axis=0)))
        self.register_buffer("std", torch.from_numpy(np.where(std > 0, std, 1).astype(rows.dtype)))
        self.matrix = nn.Linear(rows.shape[1], WIDTH)

    def forward(self, graph: Graph) -> Features:
        """Look the vectors up."""
        if not isinstance(graph, DescribedGraph):
            raise GraphError(f"the atoms of a {type(graph).__name__} have no fixed vectors")
        return Features(self.matrix((graph.vector - self.mean) / self.std))


@final
class AtomReadoutEntry(LeaderboardEntry):
    """A readout of ours on the vectors of an `AtomDescriptor`, in the training of the model."""

    def __init__(self, described: DescribedCrystals) -> None:
        super().__init__(f"{described.descriptor.name}-{READOUT}", Level.DESCRIPTORS)
        self.described = described

    def shares(self, case: Case) -> str:
        """Return the name of the descriptor, whose features are computed once."""
        return self.described.descriptor.name

    def why_not(self, case: Case) -> str:
        """Its library must be there, every site hold one atom, and the target be no tensor."""
        if case.target.is_tensor:
            return f"a readout of numbers is trained, and {case.target.why_no_number}"
        try:
            self.described.descriptor.check()
        except MissingExtraError as error:
            return str(error)
        return why_not_mixtures(case, "structure descriptors read")

    def settings(self, case: Case) -> dict[str, Any]:
        """Return the descriptor and what decides the training."""
        return {
            **self.described.descriptor.settings(),
            "learner": READOUT,
            "training": case.config.deciding()["training"],
            "torch": versions()["torch"],
        }

    def run(self, case: Case) -> EntryResult:
        """Describe all atoms, train the readout, and predict the test part."""
        described = self.described.of(case)
        began = time.monotonic()
        atoms = DescribedGraph.of(case.dataset.table.crystals, described.of_atoms())
        learned = atoms.select(torch.from_numpy(case.split.train)).vector.numpy()
        graphs = Graphs(atoms, (), described.seconds)
        values, weights = trained_predictions(self, case, graphs, lambda: FixedVectors(learned))
        return EntryResult(values, described.seconds + time.monotonic() - began, weights)
