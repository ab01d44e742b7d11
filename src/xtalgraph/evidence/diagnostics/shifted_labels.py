"""Do the labels belong to their crystals, or has a column slipped?"""

from collections.abc import Sequence
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
from xtalgraph.evidence.diagnostics.evaluator import Evaluator
from xtalgraph.evidence.diagnostics.result import (
    DiagnosticResult,
    Examined,
    Picture,
    Verdict,
    not_applicable,
)
from xtalgraph.evidence.numbers import plain
from xtalgraph.graphs.neighbors import neighbors_within
from xtalgraph.metrics.ranking import spearman
from xtalgraph.plots.bars import bar_plot

NAME: Final = "labels"
TITLE: Final = "Labels that belong to other crystals"
SHIFTS: Final = (-2, -1, 0, 1, 2)
"""By how many rows the labels are moved."""
DEVIATIONS: Final = 5.0
"""Of the correlation of unrelated columns, 1/√(n − 1), by which a shift must be better."""
_ROWS: Final = 2_000
"""Crystals that are looked at, at most."""
_FEWEST: Final = 40
"""Fewer crystals cannot be told from chance: five deviations are then 0.8."""
_PARTS: Final = 4
"""Parts of the cross-validation."""
_SHELLS: Final = np.arange(0.5, 6.01, 0.5)
"""Distances between which neighbours are counted, Å."""


def shifted_labels(tested: Evaluator) -> Examined:
    """Learn labels moved by −2 to 2 rows of the file from plain features, by cross-validation.

    The trained model cannot be asked: on slipped labels it has learned what there was to learn
    of them. Boosted trees on composition, density and counts of neighbours by distance learn each
    shift anew; where another shift than 0 is learned better, the labels belong to the crystals
    of other rows.

    Args:
        tested: What is examined.
    """
    total = len(tested.crystals)
    rows = np.arange(2, total - 2)
    if len(rows) > _ROWS:
        rows = np.sort(tested.generator(NAME).choice(rows, _ROWS, replace=False))
    if len(rows) < _FEWEST:
        why = f"There are {total} crystals; {_FEWEST} are needed to tell a shift from chance."
        return not_applicable(NAME, TITLE, why)
    features = described([tested.crystals[row] for row in rows.tolist()])
    sizes = tested.sizes[rows] if tested.per_atom else 1
    found = np.nan_to_num(
        [_learned(features, tested.labels[rows + k] / sizes, tested.seed) for k in SHIFTS]
    )
    chance = DEVIATIONS / np.sqrt(len(rows) - 1)
    home = SHIFTS.index(0)
    best = int(np.argmax(np.where(np.arange(len(SHIFTS)) == home, -np.inf, found)))
    gain = float(found[best] - found[home])
    model = _of_model(tested)
    blank = found.max() < chance and not model > DEVIATIONS / np.sqrt(max(len(tested.test) - 1, 1))
    names = [f"labels of {shift:+d} rows".replace("-", "−") for shift in SHIFTS]
    names[home] = "labels as they stand"
    figure = bar_plot(
        names,
        found,
        label="Spearman's ρ of cross-validated trees",
        own=np.arange(len(SHIFTS)) == home,
        line=float(found[home] + chance) if found[home] + chance < 1 else None,
        line_says="alarm" if found[home] + chance < 1 else "",
    )
    said = f"Trees on plain features reach ρ = {plain(float(found[home]), 2)} on the labels."
    if gain > chance:
        verdict = Verdict.ALARM
        slipped = f"{SHIFTS[best]:+d}".replace("-", "−")
        said += (
            f" On those of {slipped} rows farther they reach {plain(float(found[best]), 2)}: the "
            "labels have slipped against the crystals. Correct the file and train again."
        )
    elif blank:
        verdict = Verdict.ALARM
        said += (
            f" The model reaches {plain(model, 2)} on the test, which is chance, too: the labels "
            "may be shuffled, or hold nothing that a crystal tells."
        )
    else:
        verdict = Verdict.OK
        said += " No other row fits better: the labels are where they belong."
    result = DiagnosticResult(
        name=NAME,
        title=TITLE,
        verdict=verdict,
        says=said,
        measure="gain in ρ when the labels are moved by one or two rows",
        number=gain,
        threshold=chance,
        side="above",
        reason=f"Five deviations of the correlation of unrelated columns, 1/√(n − 1) with "
        f"n = {len(rows)}. An alarm also where neither trees nor model find more than that.",
        details={"rows": len(rows), "shifts": SHIFTS, "spearman": found, "spearman_model": model},
        pictures=(
            Picture(NAME, "How well the labels of each row and its neighbours can be learned."),
        ),
    )
    return Examined(result, {NAME: figure})


def described(crystals: Sequence[Crystal]) -> Float[np.ndarray, "crystals features"]:
    """Return composition features, volume per atom and neighbours by distance of each crystal.

    Args:
        crystals: Any.
    """
    plain_features = np.zeros((len(crystals), 1 + len(_SHELLS)))
    for place, crystal in enumerate(crystals):
        distance = neighbors_within(crystal, float(_SHELLS[-1])).distance
        counted = np.histogram(distance, np.concatenate([[0.0], _SHELLS]))[0] / len(crystal)
        plain_features[place] = [crystal.volume / len(crystal), *counted]
    features = np.concatenate(
        [composition_features(count_elements(crystals)), plain_features], axis=1
    )
    return features[:, informative_columns(features)]


def _learned(
    features: Float[np.ndarray, "rows features"], labels: Float[np.ndarray, " rows"], seed: int
) -> float:
    """ρ of predictions for rows that were held out; 0 where it is not defined."""
    part = np.random.default_rng(seed).permutation(len(labels)) % _PARTS
    said = np.empty(len(labels))
    with threadpool_limits(limits=1, user_api="openmp"):
        for held in range(_PARTS):
            trees = HistGradientBoostingRegressor(
                max_iter=60, max_leaf_nodes=8, min_samples_leaf=5, early_stopping=False,
                max_features=0.3, random_state=seed,
            )  # fmt: skip
            trees.fit(features[part != held], labels[part != held])
            said[part == held] = trees.predict(features[part == held])
    return spearman(labels, said)


def _of_model(tested: Evaluator) -> float:
    return float(np.nan_to_num(spearman(tested.values[tested.test], tested.predictions)))
