"""Errors by element, size, density and prototype: where is the model weak?"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
from jaxtyping import Float

from xtalgraph.conventions.element_table import property_of
from xtalgraph.conventions.elements import SYMBOLS
from xtalgraph.conventions.errors import GraphError
from xtalgraph.crystals.crystal import Crystal
from xtalgraph.evidence.diagnostics.evaluator import Evaluator
from xtalgraph.evidence.diagnostics.result import DiagnosticResult, Verdict
from xtalgraph.evidence.numbers import plain
from xtalgraph.graphs.prototype import find_prototype

FEWEST: Final = 5
"""Crystals of a group below which its mean error says little: it is known to half of itself."""
_PROTOTYPES: Final = 6
"""How many of the most frequent prototypes are shown."""
_GRAMS: Final = 1.66053906892
"""g/cm³ of one u/Å³."""


@dataclass(frozen=True)
class ErrorGroups:
    """Mean absolute errors of test crystals in groups."""

    mae: float
    elements: Mapping[str, Mapping[str, int | float]]
    """By the symbol of the element: ``crystals`` and ``training``, how many test and training
    crystals hold it, and ``ratio``, their mean error over that of all."""
    groups: Mapping[str, Mapping[str, Mapping[str, int | float]]]
    """By ``size``, ``density`` and ``prototype``, each a mapping from the name of a group to
    ``crystals`` and ``mae``."""


def error_groups(tested: Evaluator) -> DiagnosticResult:
    """Take the mean error of the test crystals in groups."""
    errors = np.abs(tested.errors)
    crystals = [tested.crystals[row] for row in tested.test]
    holds = np.array([np.bincount(crystal.numbers, minlength=119) > 0 for crystal in crystals])
    elements = {
        SYMBOLS[z]: {
            "crystals": int(holds[:, z].sum()),
            "training": int(tested.seen[z]),
            "ratio": float(errors[holds[:, z]].mean() / max(tested.mae, 1e-300)),
        }
        for z in np.flatnonzero(holds.any(axis=0)).tolist()
    }
    mass = property_of("atomic_mass")
    density = np.array(
        [_GRAMS * mass[crystal.numbers].sum() / crystal.volume for crystal in crystals]
    )
    grouped = {
        "size": _by_quarters(tested.sizes[tested.test].astype(float), "atoms"),
        "density": _by_quarters(density, "g/cm³"),
        "prototype": _by_name([_prototype(crystal) for crystal in crystals]),
    }
    groups = {
        kind: {
            name: {"crystals": len(rows), "mae": float(errors[rows].mean())}
            for name, rows in parts.items()
        }
        for kind, parts in grouped.items()
    }
    return DiagnosticResult("groups", Verdict.SHOWN, ErrorGroups(tested.mae, elements, groups))


def _by_quarters(values: Float[np.ndarray, " rows"], unit: str) -> dict[str, np.ndarray]:
    """Rows in four groups of nearly equal number; fewer where values repeat."""
    whole = bool((values == np.round(values)).all())
    edges = np.unique(np.quantile(values, [0.0, 0.25, 0.5, 0.75, 1.0]))
    quarter = np.clip(np.searchsorted(edges, values, side="right") - 1, 0, max(len(edges) - 2, 0))
    groups = {}
    for group in np.unique(quarter).tolist():
        rows = np.flatnonzero(quarter == group)
        low, high = (
            f"{end:,.0f}" if whole else plain(end)
            for end in (float(values[rows].min()), float(values[rows].max()))
        )
        groups[f"{low} to {high} {unit}" if low != high else f"{low} {unit}"] = rows
    return groups


def _by_name(names: Sequence[str]) -> dict[str, np.ndarray]:
    """Rows by name, the most frequent ones; those with fewer rows than are needed together."""
    kinds, kind_of_row, counts = np.unique(names, return_inverse=True, return_counts=True)
    order = [k for k in np.argsort(-counts, kind="stable")[:_PROTOTYPES] if counts[k] >= FEWEST]
    groups = {str(kinds[k]): np.flatnonzero(kind_of_row == k) for k in order}
    rest = np.flatnonzero(~np.isin(kind_of_row, order))
    return groups | ({"all others": rest} if len(rest) else {})


def _prototype(crystal: Crystal) -> str:
    try:
        return find_prototype(crystal).label
    except GraphError:  # a slab
        return "without a space group"
