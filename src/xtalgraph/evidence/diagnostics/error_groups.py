"""Errors by element, size, density and prototype: where is the model weak?"""

from collections.abc import Sequence
from typing import Final

import numpy as np
from jaxtyping import Float

from xtalgraph.conventions.element_table import property_of
from xtalgraph.conventions.elements import SYMBOLS
from xtalgraph.conventions.errors import GraphError
from xtalgraph.crystals.crystal import Crystal
from xtalgraph.evidence.diagnostics.evaluator import Evaluator
from xtalgraph.evidence.diagnostics.result import DiagnosticResult, Examined, Picture, Verdict
from xtalgraph.evidence.numbers import count, plain, with_unit
from xtalgraph.graphs.prototype import find_prototype
from xtalgraph.plots.bars import bar_plot
from xtalgraph.plots.element_errors import element_errors_plot
from xtalgraph.plots.style import quantity

NAME: Final = "groups"
TITLE: Final = "Errors by element, size, density and prototype"
FEWEST: Final = 5
"""Crystals of a group below which its mean error says little: it is known to half of itself."""
_PROTOTYPES: Final = 6
"""How many of the most frequent prototypes are shown."""
_GRAMS: Final = 1.66053906892
"""g/cm³ of one u/Å³."""


def error_groups(tested: Evaluator) -> Examined:
    """Take the mean error of the test crystals in groups.

    Args:
        tested: What is examined.
    """
    errors = np.abs(tested.errors)
    crystals = [tested.crystals[row] for row in tested.test]
    holds = np.array([np.bincount(one.numbers, minlength=119) > 0 for one in crystals])
    counts = holds.sum(axis=0)
    with np.errstate(invalid="ignore"):
        ratio = (holds * errors[:, None]).sum(axis=0) / counts / max(tested.mae, 1e-300)
    figures = {f"{NAME}-element": element_errors_plot(ratio, counts, fewest=FEWEST)}
    mass = property_of("atomic_mass")
    density = np.array([_GRAMS * mass[one.numbers].sum() / one.volume for one in crystals])
    sizes = tested.sizes[tested.test].astype(float)
    grouped = {
        "size": _by_quarters(sizes, "atoms"),
        "density": _by_quarters(density, "g/cm³"),
        "prototype": _by_name([_prototype(one) for one in crystals]),
    }
    details: dict[str, object] = {
        "element": {
            SYMBOLS[z]: {"crystals": counts[z], "error over mean": ratio[z]}
            for z in np.flatnonzero(counts).tolist()
        }
    }
    pictures = [
        Picture(
            f"{NAME}-element",
            f"Mean error of the test crystals with each element over that of all; below it how "
            f"many. An element with fewer than {FEWEST} is pale.",
        )
    ]
    for kind, groups in grouped.items():
        means = {name: float(errors[which].mean()) for name, which in groups.items()}
        details[kind] = {
            name: {"crystals": len(groups[name]), "mae": mean} for name, mean in means.items()
        }
        if len(means) < 2:
            continue
        figures[f"{NAME}-{kind}"] = bar_plot(
            [f"{name} ({len(groups[name])})" for name in means],
            np.array(list(means.values())),
            label=quantity("test MAE", tested.unit),
            own=np.ones(len(means), dtype=bool),
            line=tested.mae,
            line_says="all",
        )
        pictures.append(Picture(f"{NAME}-{kind}", f"Mean error by {kind}, and how many crystals."))
    assessed = np.where(counts >= FEWEST, ratio, -np.inf)
    worst = int(np.argmax(assessed))
    says = f"The mean error is {with_unit(plain(tested.mae, 2), tested.unit)}. "
    if np.isfinite(assessed[worst]):
        says += (
            f"Of the elements in at least {FEWEST} test crystals the worst is {SYMBOLS[worst]}: "
            f"{count(int(counts[worst]), 'crystal')} with {plain(float(ratio[worst]), 2)} times "
            f"that error, from {count(int(tested.seen[worst]), 'training crystal')} that hold it."
        )
    result = DiagnosticResult(
        name=NAME,
        title=TITLE,
        verdict=Verdict.SHOWN,
        says=says,
        details=details,
        pictures=tuple(pictures),
    )
    return Examined(result, figures)


def _by_quarters(values: Float[np.ndarray, " rows"], unit: str) -> dict[str, np.ndarray]:
    """Rows in four groups of nearly equal number; fewer where values repeat."""
    whole = bool((values == np.round(values)).all())
    edges = np.unique(np.quantile(values, [0.0, 0.25, 0.5, 0.75, 1.0]))
    place = np.clip(np.searchsorted(edges, values, side="right") - 1, 0, max(len(edges) - 2, 0))
    found = {}
    for group in np.unique(place).tolist():
        rows = np.flatnonzero(place == group)
        low, high = (
            f"{end:,.0f}" if whole else plain(end)
            for end in (float(values[rows].min()), float(values[rows].max()))
        )
        found[f"{low} to {high} {unit}" if low != high else f"{low} {unit}"] = rows
    return found


def _by_name(names: Sequence[str]) -> dict[str, np.ndarray]:
    """Rows by name, the most frequent ones; those with fewer rows than are needed together."""
    kinds, place, counts = np.unique(names, return_inverse=True, return_counts=True)
    order = [k for k in np.argsort(-counts, kind="stable")[:_PROTOTYPES] if counts[k] >= FEWEST]
    found = {str(kinds[k]): np.flatnonzero(place == k) for k in order}
    rest = np.flatnonzero(~np.isin(place, order))
    return found | ({"all others": rest} if len(rest) else {})


def _prototype(crystal: Crystal) -> str:
    try:
        return find_prototype(crystal).label
    except GraphError:  # a slab
        return "without a space group"
