"""Exercise 4: the five worst errors, and what may be behind each."""

from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Final

import numpy as np
from jaxtyping import Bool
from scipy.spatial.distance import cdist

from xtalgraph.baselines.composition_features import count_elements, element_fractions
from xtalgraph.conventions.elements import SYMBOLS
from xtalgraph.conventions.errors import InputError
from xtalgraph.data.dataset import Divided
from xtalgraph.data.targets import Kind
from xtalgraph.workflows.exercises.exercise import (
    ExerciseResults,
    ionic,
    perovskites,
    write_results,
)
from xtalgraph.workflows.exercises.perovskite_training import train_perovskites
from xtalgraph.workflows.run import Run

NUM_WORST: Final[int] = 5
NEIGHBOURS: Final[int] = 5
"""Training crystals of the nearest composition that are asked."""
RARE: Final[float] = 0.01
"""An element in a smaller share of the training crystals than this is rare."""
LARGE: Final[float] = 95.0
"""A cell with more atoms than this percentile of the training crystals is large."""
_CONDITIONS: Final = ("rare chemistry", "large cell", "shortcut")


@dataclass(frozen=True)
class Worst:
    """One of the worst errors."""

    id: str
    formula: str
    atoms: int
    target: float
    """What is true."""
    prediction: float
    """What the model says."""
    neighbours: list[str]
    """Training crystals of the nearest composition, with their distance."""
    of_neighbours: float
    """The mean of their targets: what one would say from composition alone."""
    rarest: str
    """The element that the fewest training crystals hold."""
    rarest_count: int
    """How many hold it."""
    verdict: str
    """The conditions that hold."""


def worst_errors(
    out: str | Path,
    data: str | Path | None = None,
    *,
    run: str | Path | None = None,
    small: bool = False,
    epochs: int | None = None,
    progress: bool = True,
) -> ExerciseResults:
    """Look into the five worst errors of a run on one number for each crystal; see `exercise`."""
    folder = Path(out)
    if run is None:
        material = ionic(folder) if small else perovskites(data)
        opened = train_perovskites(folder / "run", material, small, epochs, progress)
        divided = opened.data(progress=progress)
    else:
        opened = Run.open(run)
        divided = opened.data(data, progress=progress)
    target = opened.predictor.targets[0]
    if len(opened.predictor.targets) > 1 or target.why_no_number:
        raise InputError(
            f"exercise 4 looks at one number for each crystal; {opened.folder} predicts "
            f"{', '.join(target.described for target in opened.predictor.targets)}"
        )
    worst, shares = look_into(opened, divided)
    document = {
        "unit": target.unit,
        "worst": [asdict(crystal) for crystal in worst],
        "shares": shares,
    }
    text = _words(worst, shares, target.unit)
    return write_results(
        4, folder, ExerciseResults(text, document, [opened.folder / "report.html"])
    )


def look_into(run: Run, data: Divided) -> tuple[list[Worst], dict[str, float]]:
    """Describe the worst errors of the test, and what holds for them.

    Three conditions are looked at. *Rare chemistry*: an element is in less than 1 % of the training
    crystals. *Large cell*: more atoms than 95 % of the training crystals have. *Shortcut*: the
    prediction is nearer to the mean of the five training crystals with the nearest composition
    than to the truth, so that the model may have answered from composition alone.

    Args:
        run: A run on one number for each crystal.
        data: Its crystals.

    Returns:
        The worst errors, and for each condition the share of all test crystals for which it holds:
        what holds for most of them explains nothing.
    """
    dataset, split = data.dataset, data.split
    crystals = dataset.table.crystals
    train, test = ([crystals[i] for i in part] for part in (split.train, split.test))
    conditions = dataset.conditions_of(split.test)
    name = dataset.targets[0].name
    predicted = run.predictor.predict_crystals(test, conditions).predictions.values[name]
    true, known = (dataset.labels.of(name, rows) for rows in (split.test, split.train))
    extensive = run.predictor.targets[0].kind is Kind.EXTENSIVE
    sizes = np.array([len(crystal) for crystal in test])
    if extensive:
        known = known / np.array([len(crystal) for crystal in train])
    of_test, of_train = (element_fractions(count_elements(part)) for part in (test, train))
    distance = 0.5 * cdist(of_test, of_train, "cityblock")
    nearest = np.argsort(distance, axis=1, kind="stable")[:, :NEIGHBOURS]
    answer = known[nearest].mean(axis=1) * (sizes if extensive else 1.0)
    seen = (of_train > 0).sum(axis=0)
    rarest = np.array(
        [min(set(crystal.numbers.tolist()), key=lambda z: seen[z]) for crystal in test]
    )
    large = sizes > np.percentile([len(crystal) for crystal in train], LARGE)
    error = np.abs(predicted - true)
    holds: dict[str, Bool[np.ndarray, " test"]] = {
        "rare chemistry": seen[rarest] < RARE * len(train),
        "large cell": large,
        "shortcut": np.abs(predicted - answer) < error,
    }
    order = np.argsort(-error, kind="stable")[:NUM_WORST]
    worst = [
        Worst(
            id=dataset.table.ids[split.test[n]],
            formula=test[n].formula,
            atoms=len(test[n]),
            target=float(true[n]),
            prediction=float(predicted[n]),
            neighbours=[f"{train[i].formula} ({distance[n, i]:.2f})" for i in nearest[n]],
            of_neighbours=float(answer[n]),
            rarest=SYMBOLS[rarest[n]],
            rarest_count=int(seen[rarest[n]]),
            verdict=", ".join(name for name in _CONDITIONS if holds[name][n]) or "none of these",
        )
        for n in order.tolist()
    ]
    return worst, {name: float(holds[name].mean()) for name in _CONDITIONS}


def _words(worst: list[Worst], shares: dict[str, Any], unit: str) -> str:
    lines = []
    for crystal in worst:
        lines += [
            f"{crystal.id}, {crystal.formula}, {crystal.atoms} atoms: true {crystal.target:.3f}, "
            f"predicted {crystal.prediction:.3f} {unit}: {crystal.verdict}",
            f"  nearest compositions in training (half the sum of |Δfraction|): "
            f"{', '.join(crystal.neighbours)}; their mean says {crystal.of_neighbours:.3f} {unit}",
            f"  rarest element: {crystal.rarest}, in {crystal.rarest_count} training crystals",
        ]
    told = ", ".join(f"{name} {100 * share:.0f} %" for name, share in shares.items())
    return "\n".join([*lines, f"of all test crystals: {told}"])
