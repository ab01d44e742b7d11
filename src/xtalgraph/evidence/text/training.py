"""What a log says before a training: targets, conditions and graphs."""

from collections.abc import Mapping, Sequence
from typing import Final

from xtalgraph.conventions.voigt import name_of, subscripts, voigt_shape
from xtalgraph.data.conditions import Conditions
from xtalgraph.data.targets import Kind, Target
from xtalgraph.evidence.numbers import count, percent

_KINDS: Final[Mapping[Kind, str]] = {
    Kind.EXTENSIVE: "a total of the cell, predicted as a sum over its atoms",
    Kind.INTENSIVE: "does not grow with the cell (use --kind extensive for a total of the cell)",
    Kind.ATOMIC: "one value for each atom",
}
_DERIVATIVES: Final[Mapping[str, str]] = {
    "position": "the negative derivative by the positions",
    "strain": "the derivative by the strain, over the volume, positive in tension,",
}
_NAMED: Final = 5
"""Crystals that are named."""


def about_target(target: Target) -> str:
    """Say how a target is understood."""
    copies = target.tensor.copies
    several = f", a list of {copies} numbers" if copies > 1 else ""
    if target.is_class:
        positive = "class 1" if target.classes is None else repr(target.classes[1])
        return (
            f"Target {target.name}{several}, a class: the probability of {positive} is predicted."
        )
    if target.derivative is not None:
        of, sign = target.derivative.of, _DERIVATIVES[target.derivative.by]
        return f"Target {target.name} in {target.unit}: {sign} of {of}, and not learned by itself."
    unit = f" in {target.unit}" if target.unit else " (no unit given; set it with --unit)"
    text = f"Target {target.name}{unit}{several}, {target.kind}: {_KINDS[target.kind]}."
    return f"{text} {_about_tensor(target)}" if target.is_tensor else text


def _about_tensor(target: Target) -> str:
    """Say in which form a tensor is read and printed."""
    tensor = target.tensor
    full, short = ("x".join(map(str, shape)) for shape in (tensor.shape, voigt_shape(tensor)))
    first, *_, last = subscripts(tensor)
    form = f"{full} numbers"
    if short != full:
        factors = "factors 2 as strains have" if tensor.doubled else "no factors, as a stress"
        form += f" or {short} in Voigt's notation (xx, yy, zz, yz, xz, xy; {factors})"
    return (
        f"A tensor like {name_of(tensor)}, read as {form} in the Cartesian axes of the crystal's "
        f"cell, and printed by subscripts, {first} to {last}."
    )


def about_conditions(conditions: Conditions) -> list[str]:
    """Say which columns are read as conditions of a crystal."""
    sentences = []
    if conditions.numbers:
        sentences.append(f"Conditions of a crystal: {', '.join(conditions.numbers)}.")
    if conditions.fidelity:
        methods = ", ".join(conditions.fidelities)
        sentences.append(f"Method of a label: {conditions.fidelity}, one of {methods}.")
    if conditions.delta:
        sentences.append(
            f"Another calculation of the target: {conditions.delta}; the difference is learned."
        )
    return sentences


def about_isolated_atoms(ids: Sequence[str]) -> str:
    """Say which crystals have atoms without a neighbour, and what the model knows of these."""
    named = ", ".join(ids[:_NAMED]) + (", ..." if len(ids) > _NAMED else "")
    return (
        f"{count(len(ids), 'crystal')} with atoms that have no neighbour within the cutoff "
        f"({named}). The model knows only the element of such an atom."
    )


def about_total_calculation(column: str, target: str) -> str:
    """Say that the column of another calculation is a total of the cell, and should be per atom."""
    return (
        f"the column {column!r} of data.delta explains {target!r} much better when it is divided "
        "by the number of atoms: it seems to hold totals of the cell, and is read as a number per "
        "atom. Divide it, here and in what is predicted."
    )


def about_long_edges(share: float, reach: float, longest: float) -> str:
    """Say which share of the edges is longer than the reach of the radial basis, lengths in Å."""
    return (
        f"{percent(share)} of the edges are longer than the range of the radial basis, {reach:g} "
        f"Å; the longest has {longest:.2f} Å. The model cannot distinguish their lengths. Lower "
        "graph.cutoff, or use a basis with a longer range."
    )
