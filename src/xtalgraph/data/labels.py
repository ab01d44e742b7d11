"""From what stands in a column to class 0 or 1, and how large a number may be."""

from typing import Final

import numpy as np

LARGEST_NUMBER: Final = 1e30
"""Of a label or a condition, of either sign: what is computed from larger ones overflows in single
precision."""
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
    """Say that a label stands for neither class, and what to do.

    Args:
        name: The column.
        raw: The label.
        classes: As for `class_of`.
    """
    if classes is not None:
        return f"the label {name!r} must be {classes[0]!r} or {classes[1]!r}, got {raw!r}"
    return (
        f"the label {name!r} must be 0 or 1, or false or true, got {raw!r}; name the two classes "
        "with data.classes=[CLASS0, CLASS1]"
    )
