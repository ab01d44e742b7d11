"""Steps of training recorded once as CUDA graphs and replayed, without Python between kernels."""

import dataclasses
from collections.abc import Callable
from typing import Final

import torch
from torch import Tensor

from xtalgraph.conventions.errors import ConfigError
from xtalgraph.data.targets import first_atomic
from xtalgraph.graphs.graph import Graph
from xtalgraph.graphs.invariant_graph import InvariantGraph
from xtalgraph.graphs.padding import Size, pad_graph, padded_size
from xtalgraph.models.model import Model
from xtalgraph.training.examples import Examples

Work = Callable[[Examples[Graph]], Tensor]
"""Forward and backward of a batch: adds to the gradients of the model and returns the loss. The
graph may have one crystal more than there are labels, which is padding."""
_WARM: Final = 3
"""Steps before the recording, in which libraries choose and allocate; torch's advice."""


class CapturedSteps:
    """The gradients of a batch, from a recording of a batch as large.

    A CUDA graph replays kernels on the memory with which it was recorded. So a batch is padded to
    one of few sizes, copied to where the batch of the recording lay, and the gradients come out
    where they came out then. For a model of small matrices most of a step on a GPU is the time
    between kernels, which this saves. On a CPU there is nothing to record; the same work is done on
    the same padded memory, so that all but the recording is tested there.

    Args:
        model: Its gradients are set.
        work: What is recorded.

    Source: https://docs.pytorch.org/docs/stable/notes/cuda.html#cuda-graphs
    """

    def __init__(self, model: Model, work: Work) -> None:
        if model.conditions.fidelity or first_atomic(model.targets):
            raise ConfigError(
                "training.capture serves targets of crystals, without data.fidelity: leave it out"
            )
        self.model = model
        self.work = work
        self.recordings: dict[tuple[int, Size], _Recording] = {}
        self.gradients = [torch.zeros_like(weight) for weight in model.parameters()]
        for weight, gradient in zip(model.parameters(), self.gradients, strict=True):
            weight.grad = gradient

    def __call__(self, batch: Examples[Graph]) -> Tensor:
        """Set the gradients of the model to those of a batch, and return its loss.

        Args:
            batch: Folded graphs, on the device of the model.

        Raises:
            ConfigError: If the graphs are in space.
        """
        graph = batch.graph
        if not isinstance(graph, InvariantGraph):
            raise ConfigError(
                "training.capture needs reduced graphs, and this model reads graphs in space: set "
                "graph.reduction_tolerance, or leave it out"
            )
        size = padded_size(graph)
        padded = Examples(pad_graph(graph, size), batch.labels)
        key = len(graph), size
        if key not in self.recordings:
            self.recordings[key] = _Recording(padded)
            self._record(self.recordings[key])
        recording = self.recordings[key]
        recording.fill(padded)
        if recording.graph is None:
            self._work(recording)
        else:
            recording.graph.replay()
        return recording.loss.clone()

    def _work(self, recording: "_Recording") -> None:
        for gradient in self.gradients:
            gradient.zero_()
        recording.loss.copy_(self.work(recording.examples()))

    def _record(self, recording: "_Recording") -> None:
        """Record the work, and leave the model as it was: its buffers follow every batch."""
        if recording.loss.device.type != "cuda":
            return
        before = [buffer.clone() for buffer in self.model.buffers()]
        stream = torch.cuda.Stream()
        stream.wait_stream(torch.cuda.current_stream())
        with torch.cuda.stream(stream):
            for _ in range(_WARM):
                self._work(recording)
        torch.cuda.current_stream().wait_stream(stream)
        recording.graph = torch.cuda.CUDAGraph()
        with torch.cuda.graph(recording.graph):
            self._work(recording)
        for buffer, value in zip(self.model.buffers(), before, strict=True):
            buffer.copy_(value)


class _Recording:
    """The memory of batches of one size, and what was recorded on it."""

    def __init__(self, batch: Examples[Graph]) -> None:
        self.batch = batch
        self.loss = torch.zeros((), dtype=torch.float64, device=batch.graph.number.device)
        self.graph: torch.cuda.CUDAGraph | None = None

    def fill(self, batch: Examples[Graph]) -> None:
        """Write a batch of the same size over the one before."""
        for value, new in zip(_tensors(self.batch), _tensors(batch), strict=True):
            value.copy_(new)

    def examples(self) -> Examples[Graph]:
        """Return the batch, with nothing kept that was computed from the one before."""
        return Examples(self.batch.graph.replace(), self.batch.labels)


def _tensors(batch: Examples[Graph]) -> list[Tensor]:
    """Return all that differs between two batches of one size."""
    fields = [getattr(batch.graph, field.name) for field in dataclasses.fields(batch.graph)]
    return fields + [labels.values for labels in batch.labels.values()]
