"""Weights that go from one model to another, and the scales that follow the new labels."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import torch
from torch import Tensor

from xtalgraph.conventions.errors import ConfigError
from xtalgraph.data.targets import Target
from xtalgraph.models.model import Model
from xtalgraph.models.registry import TERMS
from xtalgraph.models.spec import ModelSpec
from xtalgraph.nn.element_rows import element_axes, take_elements


@dataclass(frozen=True)
class Taken:
    """What became of the weights of another model, by their names."""

    taken: tuple[str, ...]
    """Copied whole."""
    by_element: tuple[str, ...]
    """Tables of elements, of which the rows of the elements that both models have were copied."""
    fresh: tuple[str, ...]
    """Of the model, which the other one has not, or in another shape."""
    left: tuple[str, ...]
    """Of the other model, which this one has not, or in another shape."""


@torch.no_grad()
def take_weights(
    model: Model,
    state: Mapping[str, Tensor],
    elements: tuple[Sequence[int], Sequence[int]] | None = None,
) -> Taken:
    """Copy into a model what agrees in name and shape; tables of other elements, by element.

    Args:
        model: Changed in place; what it does not take stays as it is.
        state: Weights and buffers of another model, with the names of this one.
        elements: Atomic numbers of the tables of elements, here and in the other model; None where
            they are the same.

    Returns:
        What was taken and what was not.
    """
    taken, by_element, fresh = [], [], []
    differ = elements is not None and list(elements[0]) != list(elements[1])
    axes = element_axes(model) if differ else {}
    for name, value in model.state_dict().items():
        other, axis = state.get(name), axes.get(name)
        if other is None:
            fresh.append(name)
        elif elements is not None and axis is not None and _alike_but(axis, value, other):
            take_elements(value, other, axis, *elements)
            by_element.append(name)
        elif axis is None and other.shape == value.shape:
            value.copy_(other)
            taken.append(name)
        else:
            fresh.append(name)
    left = tuple(name for name in state if name not in {*taken, *by_element})
    return Taken(tuple(taken), tuple(by_element), tuple(fresh), left)


def _alike_but(axis: int, value: Tensor, other: Tensor) -> bool:
    """Whether two tables of elements have the same shape but for their number."""
    shapes = [[*tensor.shape] for tensor in (value, other)]
    if len(shapes[0]) != len(shapes[1]):
        return False
    return shapes[0][:axis] + shapes[0][axis + 1 :] == shapes[1][:axis] + shapes[1][axis + 1 :]


def check_fitted_terms(spec: ModelSpec, parent: ModelSpec) -> None:
    """Refuse other terms that are fitted to labels than those a kept head was trained beside.

    Args:
        spec: Of the model.
        parent: Of the model whose head it keeps.

    Raises:
        ConfigError: If one is added, left out, or has other settings.
    """
    for name in sorted({*spec.terms, *parent.terms}):
        if TERMS[name].is_fitted and spec.terms.get(name) != parent.terms.get(name):
            raise ConfigError(
                f"model.terms.{name} is fitted before a network learns what it leaves, so it stays "
                "as it is in the parent: leave out model.terms, or set finetuning.head=fresh"
            )


def same_target(target: Target, other: Target) -> bool:
    """Return whether two declarations are of one quantity; which end of it is best may differ."""
    return replace(target, best=other.best) == other


def kept_heads(spec: ModelSpec, parent: ModelSpec) -> tuple[str, ...]:
    """Return the targets whose head a model can take over from its parent, by name."""
    known = dict(zip(parent.read_out, parent.readouts, strict=True))
    kept = []
    for target, readout in zip(spec.read_out, spec.readouts, strict=True):
        if any(same_target(target, old) and readout == known[old] for old in known):
            kept.append(target.name)
    return tuple(kept)


def renamed_heads(
    state: Mapping[str, Tensor], parent: ModelSpec, spec: ModelSpec, kept: Sequence[str]
) -> dict[str, Tensor]:
    """Return the weights of a parent with the names that its child has for them.

    The heads that are not kept get names that the child has not. Reference energies of isolated
    atoms are settings of the child and stay away, too.
    """
    before, after = _prefixes(parent), _prefixes(spec)
    renamed = {}
    for name, value in state.items():
        target = next((t for t, prefix in before.items() if name.startswith(prefix)), None)
        if target is not None and target in kept:
            renamed[after[target] + name.removeprefix(before[target])] = value
        elif target is not None:
            renamed[f"parent.{name}"] = value
        elif not name.startswith("isolated."):
            renamed[name] = value
    return renamed


def _prefixes(spec: ModelSpec) -> dict[str, str]:
    """Return how the names of the weights of each head begin."""
    if spec.is_potential:
        return {spec.read_out[0].name: "head."}
    return {target.name: f"heads.{number}." for number, target in enumerate(spec.read_out)}
