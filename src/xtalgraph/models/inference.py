"""The one place that runs models without training them, on any device and in any precision."""

import copy
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any, TypeVar

import torch
from torch import nn

from xtalgraph.conventions.errors import ConfigError
from xtalgraph.graphs.graph import Graph
from xtalgraph.models.model import ByTarget, Model, Output

M = TypeVar("M", bound=nn.Module)


@dataclass(frozen=True, eq=False)
class Inferred:
    """What members compute for one batch."""

    graph: Graph
    """The batch, where the members are."""
    outputs: tuple[Output, ...]
    """One for each member."""


def infer(
    members: Sequence[Model],
    graphs: Iterable[Graph],
    *,
    device: torch.device | str | None = None,
    dtype: torch.dtype | None = None,
) -> Iterator[Inferred]:
    """Run models on batches, in evaluation mode and without gradients.

    Args:
        members: Left as they are: those that are elsewhere, or of another precision, are copied.
        graphs: The batches.
        device: Where to compute; None takes where the first member is.
        dtype: Of weights and activations; None takes that of the members.

    Raises:
        ConfigError: If there is no such device here.
        GraphError: If the models cannot read such a graph.
    """
    where = next(members[0].parameters()).device if device is None else check_device(device)
    there = [placed(member, where, dtype) for member in members]
    for graph in graphs:
        moved = graph.to(where)
        yield Inferred(moved, tuple(evaluated(member, moved) for member in there))


def concatenated(outputs: Iterable[Output]) -> tuple[ByTarget, ByTarget]:
    """Return the values of several batches of one model one after the other, and the deviations."""
    batches = list(outputs)
    first = batches[0]
    values = {name: torch.cat([b.values[name] for b in batches]) for name in first.values}
    deviations = {
        name: torch.cat([b.deviations[name] for b in batches]) for name in first.deviations
    }
    return values, deviations


def check_device(device: torch.device | str, setting: str = "the device") -> torch.device:
    """Return a device, ``cpu``, ``cuda`` or ``cuda:N``, that is here, or raise a `ConfigError`."""
    try:
        checked = torch.device(device)
    except RuntimeError:
        checked = None
    if checked is None or checked.type not in ("cpu", "cuda"):
        raise ConfigError(f"{setting} must be cpu or cuda, got {str(device)!r}")
    if checked.type == "cuda" and (checked.index or 0) >= torch.cuda.device_count():
        raise ConfigError(
            f"{setting} is {checked}, and torch {torch.__version__} finds "
            f"{torch.cuda.device_count() or 'no'} CUDA GPU on this machine: set it to cpu"
        )
    return torch.device("cuda", torch.cuda.current_device()) if str(checked) == "cuda" else checked


def placed(model: M, device: torch.device, dtype: torch.dtype | None) -> M:
    """Return a model where it is to compute, a copy unless it is there already."""
    first = next(model.parameters(), None)
    if first is not None and first.device == device and dtype in (None, first.dtype):
        return model
    return copy.deepcopy(model).to(device=device, dtype=dtype)


def evaluated(model: nn.Module, graph: Graph, *, gradients: bool = False) -> Any:
    """Return what a model computes for a batch in evaluation mode; its own mode stays."""
    training = model.training
    model.eval()
    try:
        with torch.set_grad_enabled(gradients):
            return model(graph)
    finally:
        model.train(training)
