"""Steps of training compiled for batches of any size."""

import time
from collections.abc import Callable, Mapping, Sequence
from typing import Final, cast, final

import torch
from torch import Tensor

from xtalgraph.conventions.errors import ConfigError
from xtalgraph.conventions.logs import log
from xtalgraph.graphs.crystal_graph import CrystalGraph
from xtalgraph.graphs.graph import Graph, collate
from xtalgraph.models.graph_function import GraphFunction, why_not_served
from xtalgraph.models.model import Model, Output
from xtalgraph.models.potential import Potential
from xtalgraph.training.examples import Examples, GraphSource, Labels, ordered_graphs
from xtalgraph.training.objective import Objective

MOST_ELEMENTS: Final = 12
"""Elements of a training that is compiled: each has operations of its own."""
_TOLERANCE: Final = {torch.float32: 1e-3, torch.float64: 1e-8}
"""Norm of the difference of the gradients, as a part of their norm."""


@final
class CompiledSteps:
    """The gradients of a batch, from forward and backward compiled as one function.

    A batch is given one crystal more, without labels: an atom whose neighbors are its own images
    beyond the cutoff. So no number of crystals, atoms or edges is 0 or 1, and one function serves
    all batches. It is compiled at the first of them, and its gradients are compared with those of
    the model as it is.

    Args:
        model: A potential; its gradients are set.
        forward: What the model returns for a graph.
        objective: The loss; its weights may be exchanged.
        scales: The units of the loss.
        source: The training part, whose elements are looked up.
        example: Returns a batch for which the function is recorded. A training resumes to the same
            bits if it is always the same.
    """

    def __init__(
        self,
        model: Model,
        forward: Callable[[Graph], Output],
        objective: Objective,
        scales: Mapping[str, Tensor],
        source: GraphSource,
        example: Callable[[], Examples[Graph]],
    ) -> None:
        self.model, self.forward, self.objective = model, forward, objective
        self.scales, self.source, self.example = scales, source, example
        self.parameters = list(model.parameters())
        self.function: GraphFunction | None = None
        self.used: list[bool] = []
        """Whether the loss depends on each of the parameters."""

    def __call__(self, batch: Examples[Graph]) -> Tensor:
        """Set the gradients of the model to those of a batch, and return its loss.

        Args:
            batch: Graphs in space, of the elements of the training part.

        Raises:
            ConfigError: If the training cannot be compiled; the message has the reason.
        """
        if self.function is None:
            self.function = self._compiled(self.example())
        return self._step(self.function, batch)

    def _step(self, function: GraphFunction, batch: Examples[Graph]) -> Tensor:
        graph, inputs = self._inputs(batch)
        loss, *gradients = function(graph, *inputs)
        for weight, gradient, used in zip(self.parameters, gradients, self.used, strict=True):
            weight.grad = gradient if used else None
        return loss

    def _compiled(self, example: Examples[Graph]) -> GraphFunction:
        """Return the function of a graph, the weights of the terms and the labels."""
        if reason := why_not_compiled(self.model):
            raise _refused(reason)
        numbers: set[int] = set()
        for graph in ordered_graphs(self.source):
            if reason := why_not_served(graph):
                raise _refused(reason)
            numbers.update(graph.elements)
        if len(numbers) > MOST_ELEMENTS:
            raise _refused(f"of {len(numbers)} elements; up to {MOST_ELEMENTS} are compiled")
        log.info("compiling the training, which takes some minutes")
        began = time.monotonic()
        scopes = {name: labels.scope for name, labels in example.labels.items()}

        def function(graph: CrystalGraph, weights: Tensor, *values: Tensor) -> tuple[Tensor, ...]:
            pairs = zip(scopes.items(), values, strict=True)
            labels = {name: Labels(known, scope) for (name, scope), known in pairs}
            return self._gradients(Examples(graph, labels), weights)

        _, slopes = self._slopes(example, self.objective.weights)
        plain = self._filled(slopes)
        self.used = [slope is not None for slope in slopes]
        graph, inputs = self._inputs(example)
        try:
            compiled = GraphFunction(function, sorted(numbers), graph, *inputs)
            made = compiled(graph, *inputs)
        except Exception as error:  # whatever it is, its text is the reason
            reason = " ".join(f"{type(error).__name__}: {error}".split("\n")[:2])
            raise _refused(reason) from error
        pairs = zip(made[1:], plain, strict=True)
        difference = [(gradient - expected).norm() for gradient, expected in pairs]
        size = torch.stack([gradient.norm() for gradient in plain]).norm()
        if not float(torch.stack(difference).norm()) <= _TOLERANCE[size.dtype] * float(size):
            raise _refused("compiled, its gradients would be others")
        log.info("compiled in %.0f s", time.monotonic() - began)
        return compiled

    def _gradients(self, batch: Examples[Graph], weights: Tensor) -> tuple[Tensor, ...]:
        """Return the loss, and its derivatives by the parameters, zero where it has none."""
        loss, slopes = self._slopes(batch, weights)
        return loss.detach(), *self._filled(slopes)

    def _filled(self, slopes: Sequence[Tensor | None]) -> list[Tensor]:
        pairs = zip(slopes, self.parameters, strict=True)
        return [torch.zeros_like(w) if slope is None else slope.detach() for slope, w in pairs]

    def _slopes(
        self, batch: Examples[Graph], weights: Tensor
    ) -> tuple[Tensor, tuple[Tensor | None, ...]]:
        with torch.enable_grad():
            sums = self.objective.sums(self.forward(batch.graph), batch, self.scales)
            loss = self.objective.mean(sums, weights)
            return loss, torch.autograd.grad(loss, self.parameters, allow_unused=True)

    def _inputs(self, batch: Examples[Graph]) -> tuple[CrystalGraph, list[Tensor]]:
        """Return the graph with one crystal more, the weights, and the labels."""
        like = cast(CrystalGraph, batch.graph)
        graph = collate([like, self._lone(like)])
        values = [
            torch.cat([labels.values, torch.full_like(labels.values[:1], torch.nan)])
            for labels in batch.labels.values()
        ]
        return graph, [self.objective.weights, *values]

    def _lone(self, graph: CrystalGraph) -> CrystalGraph:
        """Return an atom in a cell twice as wide as the cutoff, with edges along two axes."""
        edge = torch.zeros(4, dtype=torch.long)
        width = 2 * self.model.encoder.cutoff
        return CrystalGraph(
            num_atoms=torch.tensor([1]),
            num_edges=torch.tensor([4]),
            number=graph.number[:1],
            center=edge,
            neighbor=edge,
            cell=width * torch.eye(3, dtype=graph.cell.dtype).unsqueeze(0),
            pbc=torch.ones(1, 3, dtype=torch.bool),
            position=torch.zeros(1, 3, dtype=graph.position.dtype),
            image=torch.tensor([[-1, 0, 0], [0, -1, 0], [0, 1, 0], [1, 0, 0]]).to(graph.image),
            has_angles=graph.has_angles[:1],
        )


def why_not_compiled(model: Model) -> str | None:
    """Return why the training of a model cannot be compiled, as far as that is known before."""
    if not isinstance(model, Potential):
        return "it serves potentials"
    if model.encoder.reads.angles or model.has_learned_terms:
        return "the model has angles, or learned terms of the energy"
    return None


def _refused(reason: str) -> ConfigError:
    return ConfigError(f"the training cannot be compiled: {reason}; leave out training.compile")
