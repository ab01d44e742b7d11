"""From what stands in the columns of a row to labels: numbers, lists of them, classes."""

import math
from collections.abc import Mapping, Sequence
from typing import Any, Final

import numpy as np
import pandas as pd
from jaxtyping import Float

from xtalgraph.conventions.errors import InputError
from xtalgraph.conventions.limits import LARGEST_NUMBER
from xtalgraph.crystals.crystal import Crystal
from xtalgraph.data.targets import Kind, Target
from xtalgraph.data.tensor_labels import read_tensor
from xtalgraph.graphs.graph import Scope

_WORDS: Final[dict[str, float]] = {"0": 0.0, "false": 0.0, "1": 1.0, "true": 1.0}


def class_of(raw: object, classes: tuple[str, str] | None) -> float | None:
    """Return the class that a label stands for; None where it stands for neither.

    Args:
        raw: The label. Without names 0, 1, false and true are read, also as text.
        classes: The names of class 0 and of class 1, compared letter by letter.

    >>> class_of("True", None), class_of(0, None), class_of("metal", None)
    (1.0, 0.0, None)
    >>> class_of("metal", ("insulator", "metal"))
    1.0
    """
    if classes is not None:
        return float(classes.index(str(raw))) if str(raw) in classes else None
    if isinstance(raw, bool | np.bool_ | int | float | np.number):
        return float(raw) if raw in (0, 1) else None
    return _WORDS.get(str(raw).strip().lower())


def why_no_class(name: str, raw: object, classes: tuple[str, str] | None) -> str:
    """Say that a label stands for neither class, and what to do."""
    if classes is not None:
        return f"the label {name!r} must be {classes[0]!r} or {classes[1]!r}, got {raw!r}"
    return (
        f"the label {name!r} must be 0 or 1, or false or true, got {raw!r}; name the two classes "
        "with data.classes=[CLASS0, CLASS1]"
    )


def labels_of(
    raw: Sequence[Any], targets: Sequence[Target], crystal: Crystal
) -> list[Float[np.ndarray, "..."]] | str:
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
        parsed = _label(label, target, len(crystal))
        if isinstance(parsed, str):
            return parsed
        labels.append(parsed)
    if not all(np.isnan(label).all() for label in labels):
        return labels
    if len(targets) == 1:
        return f"the target {targets[0].name!r} is missing"
    return f"all of the targets {', '.join(target.name for target in targets)} are missing"


def check_size(arrays: Mapping[str, Float[np.ndarray, "..."]]) -> None:
    """Raise an `InputError` if labels are all so small that they are 0 in single precision."""
    for name, array in arrays.items():
        largest = np.nanmax(np.abs(array), initial=0.0)
        if 0 < largest < 1 / LARGEST_NUMBER:
            raise InputError(
                f"the labels {name!r} are at most {largest:g}, which vanishes in single "
                "precision: take another unit"
            )


def is_missing(raw: Any) -> bool:
    """Return whether nothing stands in a place of a table."""
    return (
        raw is None
        or raw is pd.NA
        or (isinstance(raw, float) and math.isnan(raw))
        or (isinstance(raw, str) and not raw)
    )


def _label(raw: Any, target: Target, atoms: int) -> Float[np.ndarray, "rows *shape"] | str:
    """Return the label of one row, NaN where it is missing, or why it cannot be used."""
    shape = target.shape(atoms)
    if is_missing(raw):
        return np.full(shape, np.nan)
    raw = _nested(raw)
    if target.tensor.rank and (target.is_tensor or target.tensor.symmetry):
        return read_tensor(raw, target, atoms)
    values = _numbers(raw, target)
    if isinstance(values, str):
        return values
    wanted = shape if target.scope is Scope.ATOM else target.tensor.shape
    if values.shape != wanted and not (shape == (1,) and values.size == 1):
        return _why_not_this_shape(raw, target, values.shape, atoms)
    values = values.reshape(shape)
    if not target.tensor.copies > 1:  # a list may have gaps
        gaps = np.zeros(shape, dtype=bool)
    else:
        gaps = np.array([is_missing(label) for label in np.ravel(raw).tolist()]).reshape(shape)
    if not np.all(np.isfinite(values) | gaps):
        return f"the target {target.name!r} is not finite: {_short(raw)}"
    largest = np.nanmax(np.abs(values), initial=0.0)
    if largest > LARGEST_NUMBER:
        return (
            f"the target {target.name!r} is {values[np.abs(values) == largest][0]:g}: labels "
            f"beyond {LARGEST_NUMBER:g} overflow in single precision; correct it, or take another "
            "unit"
        )
    return values


def _nested(raw: Any) -> Any:
    """Return arrays of arrays, as parquet files have them, as lists of arrays."""
    of_objects = isinstance(raw, np.ndarray) and raw.dtype == object
    return [_nested(row) for row in raw] if of_objects else raw


def _numbers(raw: Any, target: Target) -> Float[np.ndarray, "..."] | str:
    """Return what stands in a row as numbers, or why they are none."""
    if target.tensor.copies > 1 and isinstance(raw, list | tuple | np.ndarray):
        raw = [math.nan if is_missing(label) else label for label in raw]
    if target.is_class:
        labels = raw if isinstance(raw, list | tuple | np.ndarray) else [raw]
        classes = [
            math.nan if is_missing(label) else class_of(label, target.classes) for label in labels
        ]
        if None in classes:
            return why_no_class(target.name, labels[classes.index(None)], target.classes)
        raw = classes
    try:
        return np.asarray(raw, dtype=float)
    except OverflowError:
        return f"the target {target.name!r} is larger than any number that can be computed with"
    except (TypeError, ValueError):
        return f"the target {target.name!r} is not a number: {_short(raw)}"


def _why_not_this_shape(raw: Any, target: Target, shape: tuple[int, ...], atoms: int) -> str:
    """Say what a label of another shape must be, and what can be done with it."""
    of_atoms = target.scope is Scope.ATOM
    if target.tensor.copies > 1:
        where = f" for each of the {atoms} atoms" if of_atoms else ""
        return (
            f"the target {target.name!r} must be a list of {target.tensor.copies} numbers{where}, "
            f"got {_short(raw)}"
        )
    what = f"one value for each of the {atoms} atoms" if of_atoms else "one value"
    text = (
        f"the target {target.name!r} is declared {target.kind} and needs {what}, got shape {shape}"
    )
    if len(shape) == 2 and shape[0] == atoms and target.kind is not Kind.EXTENSIVE:
        return (
            f"{text}: forces are learned with the energy that they are derivatives of, --target "
            "energy --target forces; another vector is declared with --tensor vector --kind atomic"
        )
    if len(shape) == 2:
        return (
            f"{text}: if it is a tensor, declare it, as in --tensor dielectric; if it is a list "
            "of lists, put its numbers into columns"
        )
    if shape == (atoms,):
        return f"{text}: say --kind atomic if there is one for each atom"
    if len(shape) == 1 and not of_atoms:
        return f"{text}: say data.size={shape[0]} for a list of {shape[0]} numbers"
    return text


def _short(raw: Any) -> str:
    text = repr(raw)
    return text if len(text) <= 60 else f"{text[:57]}..."
