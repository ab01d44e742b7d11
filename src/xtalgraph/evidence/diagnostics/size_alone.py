"""Number of atoms and volume of the cell as the only features: is size the label?"""

from typing import Final

import numpy as np
from jaxtyping import Float, Int
from sklearn.ensemble import GradientBoostingRegressor

from xtalgraph.evidence.diagnostics.evaluator import FEWEST, Evaluator
from xtalgraph.evidence.diagnostics.result import (
    DiagnosticResult,
    Examined,
    Picture,
    Verdict,
    not_applicable,
)
from xtalgraph.evidence.numbers import plain
from xtalgraph.metrics.ranking import spearman
from xtalgraph.metrics.regression import r2
from xtalgraph.plots.bars import bar_plot

NAME: Final = "size"
TITLE: Final = "Size of the cell alone"
SHARE: Final = 0.5
"""Share of the model's R² that the size may explain."""
_LEAST: Final = 0.2
"""R² that the threshold takes the model to have, where it has less: chance reaches some 0.05."""
_MOST_ROWS: Final = 20_000
"""Training crystals that the trees learn from."""
_FEATURES: Final = {
    "number of atoms": (True, False),
    "volume of the cell": (False, True),
    "both": (True, True),
}


def size_alone(tested: Evaluator) -> Examined:
    """Learn the label from the number of atoms and the volume of the cell, each alone and both.

    Boosted trees learn the training crystals. Only what doubles with the cell counts for the
    alarm: both together know the volume per atom, a density, from which much may rightly follow.

    Args:
        tested: What is examined.
    """
    train = np.asarray(tested.split.train)
    if len(tested.test) < FEWEST or len(train) < FEWEST:
        why = (
            f"There are {len(train)} training and {len(tested.test)} test crystals; each must be "
            f"at least {FEWEST}."
        )
        return not_applicable(NAME, TITLE, why)
    values = tested.values
    everything = np.concatenate([train, tested.test])
    if np.ptp(values[everything]) <= 1e-9 * np.abs(values[everything]).max():
        what = "The label is the number of atoms times a constant" if tested.per_atom else ""
        result = DiagnosticResult(
            name=NAME,
            title=TITLE,
            verdict=Verdict.ALARM,
            says=f"{what or 'The label is a constant'}: there is nothing to learn from a "
            "structure.",
        )
        return Examined(result)
    if len(train) > _MOST_ROWS:
        train = tested.generator(NAME).choice(train, _MOST_ROWS, replace=False)
    truth = values[tested.test]
    said = {name: _learned(tested, train, *which) for name, which in _FEATURES.items()}
    found = {name: (r2(truth, one), spearman(truth, one)) for name, one in said.items()}
    sizes = np.unique(tested.sizes[everything])
    assessed = [found[name][0] for name in ("number of atoms", "volume of the cell")]
    threshold = SHARE * max(tested.r2, _LEAST)
    details = {
        "r2_model": tested.r2,
        "spearman_model": spearman(truth, tested.predictions),
        **{f"r2, {name}": one for name, (one, _) in found.items()},
        **{f"spearman, {name}": one for name, (_, one) in found.items()},
        "numbers of atoms": len(sizes),
    }
    names = ["the model", *found]
    figure = bar_plot(
        names,
        np.array([tested.r2, *(one for one, _ in found.values())]),
        label="R² on the test",
        own=np.array([True, False, False, False]),
        line=threshold if len(sizes) > 1 else None,
        line_says="alarm" if len(sizes) > 1 else "",
    )
    picture = Picture(NAME, "R² of the model, and of trees that know the size of the cell only.")
    numbers = ", ".join(f"{name} {plain(one)}" for name, (one, _) in found.items())
    says = f"The model has R² {plain(tested.r2)}; from size alone: {numbers}."
    if len(sizes) == 1:
        verdict, number, limit = Verdict.OK, 0.0, threshold
        says += (
            f" All crystals have {sizes[0]} atoms, so that the volume of the cell is a density, "
            "and their number cannot be a shortcut."
        )
    else:
        number, limit = max(assessed), threshold
        verdict = Verdict.ALARM if number >= threshold else Verdict.OK
        says += (
            " The size of the cell, a choice of who wrote the file, explains the label: what the "
            "model has learned may be no more."
            if verdict is Verdict.ALARM
            else " The label does not follow from the size of the cell."
        )
    result = DiagnosticResult(
        name=NAME,
        title=TITLE,
        verdict=verdict,
        says=says,
        measure="R² of the number of atoms or the volume of the cell alone",
        number=number,
        threshold=limit,
        reason="Half of the model's R², taken as at least 0.2: the same crystal may be "
        "written with any multiple of its cell, so that no property follows from its size.",
        details=details,
        pictures=(picture,),
    )
    return Examined(result, {NAME: figure})


def _learned(
    tested: Evaluator, train: Int[np.ndarray, " rows"], number: bool, volume: bool
) -> Float[np.ndarray, " test"]:
    """What trees on these features say of the test crystals."""
    volumes = np.array([crystal.volume for crystal in tested.crystals])
    columns = [tested.sizes.astype(float)] * number + [volumes] * volume
    features = np.stack(columns, axis=1)
    trees = GradientBoostingRegressor(
        n_estimators=100, max_depth=3, min_samples_leaf=3, random_state=tested.seed
    )
    trees.fit(features[train], tested.values[train])
    said: np.ndarray = trees.predict(features[tested.test])
    return said
