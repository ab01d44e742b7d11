"""Whether labels behave as a total of the cell or as a mean: what the numbers and the unit say."""

import re
from dataclasses import asdict, dataclass
from typing import Any, Final

import numpy as np
from jaxtyping import Float, Real

from xtalgraph.data.targets import PER_CELL, Kind

TOTAL_BELOW: Final = 0.95
"""A total where the whole interval of the ratio lies below."""
MEAN_ABOVE: Final = 1.05
"""A mean where the whole interval of the ratio lies above."""
_DRAWS: Final = 200
"""Resamples of the rows behind the interval."""
_ENDS: Final = (0.05, 0.95)
"""Quantiles of the resampled ratios that make the interval, of 90 %."""
_FEWEST: Final = 10
"""Rows below which nothing is said."""
_MOST: Final = 20_000
"""Rows that are looked at: the first of a random order."""
_PER_PART: Final = re.compile(
    r"(?:/|per)\s*\(?\s*(?:atoms?|at|sites?|ions?|f\.?\s?u\b\.?|formula|mol|k?g)\b"
    r"|atom\s*\^?\s*(?:\(-1\)|-1)|\batom⁻¹",
    re.IGNORECASE,
)


@dataclass(frozen=True)
class KindEvidence:
    """How much labels vary as they are, and divided by the number of atoms."""

    ratio: float
    """G D(y/N) / D(y), with the mean absolute deviation D from the median and the geometric mean G
    of N. Below 1 the labels are explained better as totals, above 1 as means."""
    low: float
    """Lower end of its interval of 90 %."""
    high: float
    """Upper end."""
    deviation: float
    """D(y)."""
    deviation_per_atom: float
    """D(y/N)."""
    atoms: tuple[int, int]
    """The smallest and the largest N."""

    @property
    def kind(self) -> Kind | None:
        """What the labels behave as; None where the numbers do not tell."""
        if self.high < TOTAL_BELOW:
            return Kind.EXTENSIVE
        return Kind.INTENSIVE if self.low > MEAN_ABOVE else None

    def as_dict(self) -> dict[str, Any]:
        """Return everything as plain values."""
        return asdict(self) | {"atoms": list(self.atoms), "kind": self.kind and str(self.kind)}


def kind_evidence(
    values: Float[np.ndarray, " rows"], atoms: Real[np.ndarray, " rows"]
) -> KindEvidence | None:
    """Compare labels with the number of atoms N of their cells.

    The ratio G D(y/N) / D(y) is that of the likelihoods, for each row, of two laws: y of a Laplace
    distribution around a common median, and y/N of one. For labels that do not depend on N and
    are as often positive as negative it is G ⟨1/N⟩, which is never below 1.

    Args:
        values: Finite labels.
        atoms: N of each.

    Returns:
        None where all N are equal, there are fewer than ten rows, or all labels are the same.

    Example:
        >>> atoms = np.arange(1, 41)
        >>> kind_evidence(-5.0 * atoms + np.cos(atoms), atoms).kind
        <Kind.EXTENSIVE: 'extensive'>
        >>> kind_evidence(-5.0 + np.cos(atoms), atoms).kind
        <Kind.INTENSIVE: 'intensive'>
    """
    if len(values) < _FEWEST or len(np.unique(atoms)) < 2 or np.ptp(values) == 0:
        return None
    draw = np.random.default_rng(0)
    if len(values) > _MOST:
        some = draw.permutation(len(values))[:_MOST]
        values, atoms = values[some], atoms[some]
    whole, per_atom = _deviation(values), _deviation(values / atoms)
    ratios = []
    for _ in range(_DRAWS):
        rows = draw.integers(len(values), size=len(values))
        ratios.append(_ratio(values[rows], atoms[rows]))
    low, high = np.quantile(ratios, _ENDS)
    sizes = round(float(atoms.min())), round(float(atoms.max()))
    return KindEvidence(_ratio(values, atoms), float(low), float(high), whole, per_atom, sizes)


def kind_of_unit(unit: str) -> Kind | None:
    """Return the kind of which a unit speaks; None where it speaks of none, as eV does.

    Args:
        unit: As it is printed.

    Example:
        >>> kind_of_unit("eV/atom"), kind_of_unit("meV / cell"), kind_of_unit("eV")
        (<Kind.INTENSIVE: 'intensive'>, <Kind.EXTENSIVE: 'extensive'>, None)
    """
    if PER_CELL.search(unit):
        return Kind.EXTENSIVE
    return Kind.INTENSIVE if _PER_PART.search(unit) else None


def _ratio(values: Float[np.ndarray, " rows"], atoms: Real[np.ndarray, " rows"]) -> float:
    whole = _deviation(values)
    if whole == 0:
        return np.inf
    return float(np.exp(np.mean(np.log(atoms)))) * _deviation(values / atoms) / whole


def _deviation(values: Float[np.ndarray, " rows"]) -> float:
    return float(np.mean(np.abs(values - np.median(values))))
