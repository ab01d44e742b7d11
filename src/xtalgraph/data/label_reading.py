"""The labels of a row: numbers, lists or classes; or why they cannot be used."""

import math
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd
from jaxtyping import Float

from xtalgraph.conventions.errors import InputError
from xtalgraph.crystals.crystal import Crystal
from xtalgraph.data.labels import LARGEST_NUMBER, class_of, why_no_class
from xtalgraph.data.targets import Component, Kind, Target


def labels_of(
    raw: Sequence[Any], targets: Sequence[Target], crystal: Crystal
) -> list[Float[np.ndarray, " rows"]] | str:
    """Return the labels of one row, target by target, or why there are none.

    Args:
        raw: What stands in the column of each target.
        targets: What is to be read from it.
        crystal: Of the row.

    Returns:
        For each target an array, NaN where its label is missing.
    """
    labels = []
    for label, target in zip(raw, targets, strict=True):
        rows = len(crystal) if target.kind is Kind.ATOMIC else 1
        parsed = (
            _parse(label, target, crystal) if _is_there(label, target) else np.full(rows, np.nan)
        )
        if isinstance(parsed, str):
            return parsed
        labels.append(parsed)
    if not all(np.isnan(label).all() for label in labels):
        return labels
    if len(targets) == 1:
        return f"the target {targets[0].name!r} is missing"
    return f"all of the targets {', '.join(target.name for target in targets)} are missing"


def check_size(arrays: Mapping[str, Float[np.ndarray, " rows"]]) -> None:
    """Refuse labels that are all so small that they are 0 in single precision.

    Args:
        arrays: By the name of the target.

    Raises:
        InputError: If a target has no larger ones.
    """
    for name, array in arrays.items():
        largest = np.nanmax(np.abs(array), initial=0.0)
        if 0 < largest < 1 / LARGEST_NUMBER:
            raise InputError(
                f"the labels {name!r} are at most {largest:g}, which vanishes in single "
                "precision: take another unit"
            )


def _is_there(raw: Any, target: Target) -> bool:
    """Whether a row has a label, or something wrong in its place; a list may have gaps."""
    part = target.component
    if part is not None and _is_vector(raw, part):
        raw = raw[part.index]
    return not _is_missing(raw)


def _is_vector(raw: Any, part: Component) -> bool:
    return isinstance(raw, list | tuple | np.ndarray) and len(raw) == part.size


def _is_missing(raw: Any) -> bool:
    return (
        raw is None
        or raw is pd.NA
        or (isinstance(raw, float) and math.isnan(raw))
        or (isinstance(raw, str) and not raw)
    )


def _parse(raw: Any, target: Target, crystal: Crystal) -> Float[np.ndarray, " values"] | str:
    """Return the values of one row, or the reason why they cannot be used."""
    name = target.name
    if target.component is not None:
        part = target.component
        if not _is_vector(raw, part):
            return (
                f"the target {part.column!r} must be a list of {part.size} numbers, got "
                f"{_short(raw)}"
            )
        raw = raw[part.index]
    if target.is_class:
        labels = raw if isinstance(raw, list | tuple | np.ndarray) else [raw]
        classes = [class_of(label, target.classes) for label in labels]
        if None in classes:
            return why_no_class(name, labels[classes.index(None)], target.classes)
        raw = classes
    try:
        values = np.asarray(raw, dtype=float)
    except OverflowError:
        return f"the target {name!r} is larger than any number that can be computed with"
    except (TypeError, ValueError):
        return f"the target {name!r} is not a number: {_short(raw)}"
    expected = (len(crystal),) if target.kind is Kind.ATOMIC else (1,)
    if values.shape != expected and not (expected == (1,) and values.size == 1):
        return _why_not_this_shape(target, values.shape, len(crystal))
    if not np.all(np.isfinite(values)):
        return f"the target {name!r} is not finite: {_short(raw)}"
    if np.any(np.abs(values) > LARGEST_NUMBER):
        return (
            f"the target {name!r} is {values.flat[np.abs(values).argmax()]:g}: labels beyond "
            f"{LARGEST_NUMBER:g} overflow in single precision; correct it, or take another unit"
        )
    return values.reshape(-1)


def _why_not_this_shape(target: Target, shape: tuple[int, ...], atoms: int) -> str:
    """Say what a label of another shape must be, and what can be done with it."""
    what = f"one value for each of the {atoms} atoms" if target.kind is Kind.ATOMIC else "one value"
    text = (
        f"the target {target.name!r} is declared {target.kind} and needs {what}, got shape {shape}"
    )
    if len(shape) == 2 and shape[0] == atoms and target.kind is not Kind.EXTENSIVE:
        return (
            f"{text}: a vector of each atom, such as forces, cannot be learned yet; one number of "
            "each atom can, with --kind atomic"
        )
    if len(shape) == 2:
        return (
            f"{text}: a tensor, such as a stress, cannot be learned as a whole; its numbers can, "
            "in columns, or in a list with data.size"
        )
    if shape == (atoms,):
        return f"{text}: say --kind atomic if there is one for each atom"
    if len(shape) == 1 and target.kind is not Kind.ATOMIC:
        return f"{text}: say data.size={shape[0]} for a list of {shape[0]} numbers"
    return text


def _short(raw: Any) -> str:
    text = repr(raw)
    return text if len(text) <= 60 else f"{text[:57]}..."
