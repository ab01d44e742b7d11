"""Labels: shifted against their crystals, sorted in the file, or given away by copies."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
from jaxtyping import Float
from sklearn.ensemble import HistGradientBoostingRegressor
from threadpoolctl import threadpool_limits

from xtalgraph.baselines.composition_features import (
    composition_features,
    count_elements,
    informative_columns,
)
from xtalgraph.crystals.crystal import Crystal
from xtalgraph.data.label_evidence import SORTED_ABOVE, examine_order
from xtalgraph.data.leaks import DUPLICATE_TOLERANCE, REPEATED_TOLERANCE, DuplicateIndex
from xtalgraph.evidence.diagnostics.evaluator import Evaluator
from xtalgraph.evidence.diagnostics.result import DiagnosticResult, Reason, alarm_if, not_applicable
from xtalgraph.graphs.neighbors import neighbors_within
from xtalgraph.metrics.ranking import spearman

SHIFTS: Final = (-2, -1, 0, 1, 2)
"""By how many rows the labels are moved."""
DEVIATIONS: Final = 5.0
"""Of the correlation of unrelated columns, 1/√(n − 1), by which a shift must be better."""
COPIES: Final = 0.01
"""Share of the test crystals whose label a copy in training may give away."""
_ROWS: Final = 2_000
"""Crystals that are looked at, at most."""
_FEWEST: Final = 40
"""Fewer crystals cannot be told from chance: five deviations are then 0.8."""
_PARTS: Final = 4
"""Parts of the cross-validation."""
_SHELLS: Final = np.arange(0.5, 6.01, 0.5)
"""Distances between which neighbours are counted, Å."""
_DRAWN: Final = 2_000
"""Rows of the file whose target is drawn, at most."""


@dataclass(frozen=True)
class ShiftedLabels:
    """How well labels moved by some rows can be learned from plain features."""

    rows: int
    """Crystals that were learned and predicted by cross-validation."""
    shifts: Sequence[int]
    """By how many rows the labels were moved."""
    spearman: Sequence[float]
    """Spearman's ρ of labels and predictions for each shift."""
    best: int
    """The shift other than 0 that is learned best."""
    chance: float
    """What unrelated columns of so many rows reach, five standard deviations."""
    unlearnable: bool
    """Whether neither the trees nor the model find more than chance."""
    spearman_model: float
    """Of the model on the test part."""


def shifted_labels(tested: Evaluator) -> DiagnosticResult:
    """Learn labels moved by −2 to 2 rows of the file from plain features, by cross-validation.

    The trained model cannot be asked: on shifted labels it has learned what there was to learn
    of them. Boosted trees on composition, density and counts of neighbours by distance learn each
    shift anew; where another shift than 0 is learned better, the labels belong to the crystals
    of other rows.
    """
    total = len(tested.crystals)
    rows = np.arange(2, total - 2)
    if len(rows) > _ROWS:
        rows = np.sort(tested.generator("labels").choice(rows, _ROWS, replace=False))
    if len(rows) < _FEWEST:
        return not_applicable("labels", Reason.FEW_CRYSTALS, total, _FEWEST)
    features = described([tested.crystals[row] for row in rows.tolist()])
    sizes = tested.sizes[rows] if tested.per_atom else 1
    correlations = np.nan_to_num(
        [_cross_validated(features, tested.labels[rows + k] / sizes, tested.seed) for k in SHIFTS]
    )
    chance, unmoved = DEVIATIONS / np.sqrt(len(rows) - 1), SHIFTS.index(0)
    best = int(np.argmax(np.where(np.arange(len(SHIFTS)) == unmoved, -np.inf, correlations)))
    gain = float(correlations[best] - correlations[unmoved])
    model = float(np.nan_to_num(spearman(tested.values[tested.test], tested.predictions)))
    of_test = DEVIATIONS / np.sqrt(max(len(tested.test) - 1, 1))
    unlearnable = bool(correlations.max() < chance and not model > of_test)
    numbers = ShiftedLabels(
        len(rows), SHIFTS, correlations.tolist(), SHIFTS[best], float(chance), unlearnable, model
    )
    verdict = alarm_if(gain > chance or unlearnable)
    return DiagnosticResult("labels", verdict, numbers, gain, float(chance))


def described(crystals: Sequence[Crystal]) -> Float[np.ndarray, "crystals features"]:
    """Return composition features, volume per atom and neighbours by distance of each crystal."""
    geometry = np.zeros((len(crystals), 1 + len(_SHELLS)))
    for row, crystal in enumerate(crystals):
        distance = neighbors_within(crystal, float(_SHELLS[-1])).distance
        counted = np.histogram(distance, np.concatenate([[0.0], _SHELLS]))[0] / len(crystal)
        geometry[row] = [crystal.volume / len(crystal), *counted]
    features = np.concatenate([composition_features(count_elements(crystals)), geometry], axis=1)
    return features[:, informative_columns(features)]


def _cross_validated(
    features: Float[np.ndarray, "rows features"], labels: Float[np.ndarray, " rows"], seed: int
) -> float:
    """Spearman's ρ of predictions for rows that were held out; NaN where it is not defined."""
    part = np.random.default_rng(seed).permutation(len(labels)) % _PARTS
    predicted = np.empty(len(labels))
    with threadpool_limits(limits=1, user_api="openmp"):
        for held in range(_PARTS):
            trees = HistGradientBoostingRegressor(
                max_iter=60, max_leaf_nodes=8, min_samples_leaf=5, early_stopping=False,
                max_features=0.3, random_state=seed,
            )  # fmt: skip
            trees.fit(features[part != held], labels[part != held])
            predicted[part == held] = trees.predict(features[part == held])
    return spearman(labels, predicted)


@dataclass(frozen=True)
class SortedTarget:
    """How the target depends on the row of the file."""

    correlation: float
    """Spearman's ρ of target and row."""
    test_is_block: bool
    """Whether the test rows follow each other in the file without a gap."""
    rows: Sequence[int]
    """An even sample of the rows, for the figure."""
    labels: Sequence[float]
    """Their targets, in the unit of the target."""


def sorted_target(tested: Evaluator) -> DiagnosticResult:
    """Correlate the ranks of the target with the rows of the file."""
    order = examine_order(tested.labels, tested.split)
    if order.correlation is None:
        return not_applicable("order", Reason.ONE_VALUE)
    rows = np.unique(np.linspace(0, len(tested.labels) - 1, _DRAWN).astype(np.int64))
    numbers = SortedTarget(
        order.correlation, order.test_is_block, rows.tolist(), tested.labels[rows].tolist()
    )
    return DiagnosticResult(
        "order", alarm_if(order.sorted), numbers, abs(order.correlation), SORTED_ABOVE
    )


@dataclass(frozen=True)
class Duplicates:
    """Test crystals of which the training part has a copy."""

    test: int
    alike: int
    """How many of them are in training, too."""
    tolerance: float
    """Largest difference of two distances of such a pair, Å."""
    copies: Sequence[Sequence[str]]
    """Ids of the test and the training crystal of each pair whose label is given away."""
    mae_copies: float | None
    """Mean absolute error on these copies; None without any."""
    mae_others: float | None
    """The same on all other test crystals."""


def duplicates(tested: Evaluator) -> DiagnosticResult:
    """Find the test crystals of which training has a copy, and compare the errors on them.

    A copy counts as a leak where it gives the label away: where it is alike to 0.01 Å, or where
    its label differs by less than the error of the model. So the distorted copies of an energy
    surface, alike to 0.1 Å and different in energy, are told and do not count.
    """
    index, train = DuplicateIndex(tested.crystals), np.asarray(tested.split.train)
    partner = index.partners(tested.test, train)
    strict = index.partners(tested.test, train, REPEATED_TOLERANCE)
    partner = np.where(strict >= 0, strict, partner)
    alike, errors = partner >= 0, np.abs(tested.errors)
    difference = np.abs(tested.values[tested.test] - tested.values[partner])
    usual = float(errors[~alike].mean()) if not alike.all() else tested.mae
    leaked = alike & ((strict >= 0) | (difference <= usual))
    share = float(leaked.mean())
    pairs = zip(tested.test[leaked].tolist(), partner[leaked].tolist(), strict=True)
    numbers = Duplicates(
        test=len(leaked),
        alike=int(alike.sum()),
        tolerance=DUPLICATE_TOLERANCE,
        copies=[[tested.ids[row], tested.ids[other]] for row, other in pairs],
        mae_copies=float(errors[leaked].mean()) if leaked.any() else None,
        mae_others=float(errors[~leaked].mean()) if not leaked.all() else None,
    )
    return DiagnosticResult("duplicates", alarm_if(share >= COPIES), numbers, share, COPIES)
