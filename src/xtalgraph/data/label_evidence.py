"""What the numbers of labels tell: a total or a mean, one value of most, outliers, the order."""

import re
from dataclasses import asdict, dataclass
from typing import Any, Final

import numpy as np
from jaxtyping import Float, Real

from xtalgraph.data.splits import Split
from xtalgraph.data.targets import PER_CELL, Kind
from xtalgraph.metrics.pairs import mae
from xtalgraph.metrics.ranking import spearman

TOTAL_BELOW: Final = 0.95
"""A total where the whole interval of the ratio lies below."""
MEAN_ABOVE: Final = 1.05
"""A mean where the whole interval of the ratio lies above."""
_DRAWS: Final = 200
"""Resamples of the rows behind the interval."""
_ENDS: Final = (0.05, 0.95)
"""Quantiles of the resampled ratios that make the interval, of 90 %."""
_FEWEST: Final = 10
"""Labels below which no deviation is known."""
_SAMPLED: Final = 20_000
"""Rows that are looked at for the kind: the first of a random order."""
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

    >>> atoms = np.arange(1, 41)
    >>> kind_evidence(-5.0 * atoms + np.cos(atoms), atoms).kind
    <Kind.EXTENSIVE: 'extensive'>
    >>> kind_evidence(-5.0 + np.cos(atoms), atoms).kind
    <Kind.INTENSIVE: 'intensive'>
    """
    if len(values) < _FEWEST or len(np.unique(atoms)) < 2 or np.ptp(values) == 0:
        return None
    draw = np.random.default_rng(0)
    if len(values) > _SAMPLED:
        some = draw.permutation(len(values))[:_SAMPLED]
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


MOST: Final = 0.5
"""Share of the labels from which on a single value counts as most of them.

From one half on this value is the median, the constant with the smallest absolute error of all: a
model that says nothing else looks good by its MAE.
"""
FAR: Final = 10.0
"""Robust standard deviations between a label and the nearest of the others from which it is told.

Of a normal distribution none ever is; of 19 columns of real data one had such labels: four magnetic
moments among many that are 0.
"""
_SHARE: Final = 0.02
"""Part of the labels that may stand apart together, as -999 for a missing value does."""
_MAD_OF_NORMAL: Final = 1.4826
"""Standard deviation of a normal distribution over its median absolute deviation."""
SORTED_ABOVE: Final = 0.5
"""Rank correlation of the target with the row from which a file counts as sorted, of either sign.

In a file in no order it is 0 with a standard deviation of 1/√(n − 1). Files in the order of ids or
formulas reach 0.09 (the four sets that it was measured on). At 0.5 the row tells a quarter of the
variance of the ranks, so that a part cut from one end has other targets than the rest.
"""
_DEVIATIONS: Final = 5.0
"""Standard deviations of chance that it must exceed besides: in small files 0.5 may be chance."""


@dataclass(frozen=True)
class EqualLabels:
    """One value that most labels have."""

    value: float
    rows: int
    """How many rows have it."""
    of: int
    """How many rows there are."""
    constant_mae: float | None
    """MAE on the test part of saying this value for every crystal; None without a test part."""


def examine_equal_labels(values: Float[np.ndarray, " rows"], split: Split) -> EqualLabels | None:
    """Find the value that at least half of all labels have; None where there is none.

    >>> from xtalgraph.data.splits import column_split
    >>> split = column_split(["train", "train", "train", "test", "test"], "part")
    >>> examine_equal_labels(np.array([0.0, 0.0, 1.5, 0.0, 3.0]), split)
    EqualLabels(value=0.0, rows=3, of=5, constant_mae=1.5)
    >>> examine_equal_labels(np.array([0.0, 0.0, 1.5, 2.0, 3.0]), split)
    """
    distinct, counts = np.unique(values, return_counts=True)
    if len(distinct) < 2 or counts.max() < MOST * len(values):
        return None
    value = float(distinct[counts.argmax()])
    test = values[split.test]
    error = mae(test, np.full_like(test, value)) if len(test) else None
    return EqualLabels(value, int(counts.max()), len(values), error)


@dataclass(frozen=True)
class Outlying:
    """Labels that stand apart from all others."""

    rows: tuple[int, ...]
    """Their rows, the farthest first."""
    median: float
    """Of all labels."""
    deviation: float
    """The robust standard deviation of all labels."""


def outlying_labels(values: Float[np.ndarray, " rows"]) -> Outlying | None:
    """Find labels, few in number, that are 10 robust deviations and more from all others.

    The deviation is 1.4826 times the median absolute deviation from the median; where most labels
    are one value, as the gaps of metals are 0, that of the others from it.

    Args:
        values: Finite labels in the order of the file.

    Returns:
        None where there are none, or fewer than ten labels.

    >>> outlying_labels(np.array([1.0, 2, 3, 4, 5, 6, 7, 8, 9, 10, -999])).rows
    (10,)
    """
    if len(values) < _FEWEST:
        return None
    median = float(np.median(values))
    apart = np.abs(values - median)
    deviation = _MAD_OF_NORMAL * float(np.median(apart))
    if deviation == 0:
        others = apart[apart > 0]
        if len(others) < _FEWEST:
            return None
        deviation = _MAD_OF_NORMAL * float(np.median(others))
    order = np.argsort(values, kind="stable")
    gaps = np.diff(values[order]) >= FAR * deviation
    most = max(1, int(_SHARE * len(values)))
    below = np.flatnonzero(gaps[:most])
    above = np.flatnonzero(gaps[::-1][:most])
    low = order[: below[-1] + 1] if len(below) else order[:0]
    high = order[len(order) - 1 - above[-1] :] if len(above) else order[:0]
    rows = np.concatenate([low, high])
    if len(rows) == 0:
        return None
    farthest = rows[np.argsort(-apart[rows], kind="stable")]
    return Outlying(tuple(farthest.tolist()), median, deviation)


@dataclass(frozen=True)
class RowOrder:
    """How the target depends on the row."""

    correlation: float | None
    """Spearman's ρ of target and row; None where it is not defined."""
    sorted: bool
    """Whether the file counts as sorted by its target."""
    test_is_block: bool
    """Whether the test rows follow each other in the file without a gap."""


def examine_order(values: Float[np.ndarray, " rows"], split: Split) -> RowOrder:
    """Find out whether a file is sorted by its target, and whether the test is a block of it.

    >>> from xtalgraph.data.splits import random_split
    >>> split = random_split(200, val=0.1, test=0.1, seed=0)
    >>> examine_order(np.arange(200.0), split)
    RowOrder(correlation=1.0, sorted=True, test_is_block=False)
    """
    rho = spearman(np.arange(len(values), dtype=np.float64), values)
    defined = bool(np.isfinite(rho))
    chance = _DEVIATIONS / np.sqrt(max(len(values) - 1, 1))
    is_sorted = defined and bool(abs(rho) >= max(SORTED_ABOVE, chance))
    block = len(split.test) > 1 and int(np.ptp(split.test)) == len(split.test) - 1
    return RowOrder(rho if defined else None, is_sorted, block)
