"""The worst errors, each with what is known of it and the likeliest cause."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, Final

import numpy as np
from jaxtyping import Float

from xtalgraph.baselines.composition_features import count_elements, element_fractions
from xtalgraph.conventions.elements import SYMBOLS
from xtalgraph.crystals.composition import reduced_formula
from xtalgraph.evidence.bonded_crystal import to_plain, with_bonds
from xtalgraph.evidence.diagnostics.evaluator import Evaluator
from xtalgraph.evidence.diagnostics.nearest_training import nearest_composition, nearest_embedding
from xtalgraph.evidence.diagnostics.result import DiagnosticResult, Verdict
from xtalgraph.evidence.diagnostics.shortcuts import shuffle, transplant

WORST: Final = 12
"""How many are looked at."""
DRAWN: Final = 6
"""How many are drawn."""
MOST_ATOMS: Final = 200
"""A crystal with more is not drawn."""
NEIGHBORS: Final = 5
"""Training crystals with which a label is compared."""
RARE: Final = 10
"""Training crystals with an element below which it is rare: too few to tell it from its row."""
FAR: Final = 0.5
"""Share of other elements in the nearest composition from which on chemistry is new."""
LARGE: Final = 0.95
"""Share of the training crystals that are smaller than a large cell."""
OUTLIER: Final = 3.0
"""Standard deviations by which a label leaves those of its neighbours."""
UNMOVED: Final = 0.1
"""Change of a prediction over its error below which what was changed plays no part."""
_DRAWS: Final = 8
"""Changed copies of each crystal."""


class Cause(StrEnum):
    """The likeliest cause of a large error; the first that holds, in this order."""

    OUTLIER = "outlier label"
    RARE = "rare chemistry"
    LARGE = "large cell"
    SHORTCUT = "shortcut"
    UNKNOWN = "not explained"


@dataclass(frozen=True)
class WorstErrors:
    """The test crystals with the largest errors."""

    cases: Sequence[Mapping[str, Any]]
    """For each the values of a `Case`, and of the first ones ``structure``, to be drawn."""


@dataclass(frozen=True)
class Case:
    """One of the worst errors."""

    id: str
    """Of the crystal."""
    formula: str
    """The same."""
    atoms: int
    """The same."""
    label: float
    """As it is compared."""
    prediction: float
    """The same."""
    cause: Cause
    """The likeliest."""
    nearest: Sequence[str]
    """Ids of the training crystals with the nearest embeddings."""
    nearest_formula: str
    """Of the first of them."""
    nearest_label: float
    """The same."""
    embedding_distance: float
    """To the first of them."""
    composition: str
    """Id of the training crystal with the nearest composition (element mover's distance)."""
    composition_formula: str
    """The same."""
    composition_label: float
    """The same."""
    other_elements: float
    """Share of the atoms that are of another element there."""
    rarest: str
    """The element that the fewest training crystals hold."""
    rarest_training: int
    """How many these are."""
    larger_than: float
    """Share of the training crystals that have fewer atoms."""
    moved_by_species: float | None
    """Median change of the prediction when species are shuffled, over the error; None where there
    is nothing to exchange."""
    moved_by_geometry: float | None
    """The same for another geometry."""


def worst_errors(tested: Evaluator) -> DiagnosticResult:
    """Look at the test crystals with the largest errors, and at their training neighbours."""
    places = np.argsort(-np.abs(tested.errors), kind="stable")[:WORST]
    rows = tested.test[places]
    embeddings = nearest_embedding(tested, rows, NEIGHBORS)
    compositions = nearest_composition(tested, rows, 1)
    cases: list[dict[str, Any]] = []
    for n, (row, number) in enumerate(zip(rows.tolist(), places.tolist(), strict=True)):
        near, alike = embeddings.places[n], int(compositions.places[n, 0])
        away = float(embeddings.distance[n, 0])
        case = vars(_case(tested, row, number, near, alike, away))
        crystal = tested.crystals[row]
        if n < DRAWN and len(crystal) <= MOST_ATOMS:
            case["structure"] = to_plain(with_bonds(crystal))
        cases.append(case)
    return DiagnosticResult("worst", Verdict.SHOWN, WorstErrors(cases))


def _case(
    tested: Evaluator,
    row: int,
    number: int,
    near: np.ndarray,
    alike: int,
    away: float,
) -> Case:
    """Describe one error: its row, its place in the test, and its training neighbours."""
    crystal, values = tested.crystals[row], tested.values
    label, prediction = float(values[row]), float(tested.predictions[number])
    elements = np.unique(crystal.numbers)
    rarest = int(elements[np.argmin(tested.seen[elements])])
    fractions, other = element_fractions(count_elements([crystal, tested.crystals[alike]]))
    other_elements = 0.5 * float(np.abs(fractions - other).sum())
    larger_than = float((tested.sizes[tested.split.train] < tested.sizes[row]).mean())
    moved = [
        change / max(abs(prediction - label), 1e-300) for change in _moves(tested, row, prediction)
    ]
    if is_outlier(label, prediction, values[near], tested.mae):
        cause = Cause.OUTLIER
    elif tested.seen[rarest] < RARE or other_elements >= FAR:
        cause = Cause.RARE
    elif larger_than >= LARGE:
        cause = Cause.LARGE
    else:
        cause = Cause.SHORTCUT if min(moved) < UNMOVED else Cause.UNKNOWN
    species, geometry = (change if np.isfinite(change) else None for change in moved)
    return Case(
        id=tested.ids[row],
        formula=reduced_formula(crystal),
        atoms=len(crystal),
        label=label,
        prediction=prediction,
        cause=cause,
        nearest=[tested.ids[other] for other in near],
        nearest_formula=reduced_formula(tested.crystals[near[0]]),
        nearest_label=float(values[near[0]]),
        embedding_distance=away,
        composition=tested.ids[alike],
        composition_formula=reduced_formula(tested.crystals[alike]),
        composition_label=float(values[alike]),
        other_elements=other_elements,
        rarest=SYMBOLS[rarest],
        rarest_training=int(tested.seen[rarest]),
        larger_than=larger_than,
        moved_by_species=species,
        moved_by_geometry=geometry,
    )


def is_outlier(
    label: float, prediction: float, neighbors: Float[np.ndarray, " k"], error: float
) -> bool:
    """Whether a label leaves those of its neighbours, where the prediction does not.

    Args:
        label: Of the crystal.
        prediction: Of the same.
        neighbors: Labels of the nearest training crystals.
        error: Of the model on the whole test: the least that counts as a standard deviation.
    """
    middle = float(np.median(neighbors))
    limit = OUTLIER * max(float(np.abs(neighbors - middle).mean()), error)
    return abs(label - middle) >= limit and abs(prediction - middle) < limit


def _moves(tested: Evaluator, row: int, prediction: float) -> tuple[float, float]:
    """Median change of a prediction under other elements and under another geometry.

    Infinite where there is nothing to exchange.
    """
    crystal, rng = tested.crystals[row], tested.generator(f"worst-{row}")
    donors = np.flatnonzero(tested.sizes == len(crystal))
    donors = donors[donors != row]
    species, geometry = [], []
    if np.count_nonzero(tested.seen) > 1:
        species = [shuffle(crystal, tested.seen, rng) for _ in range(_DRAWS)]
    if len(donors):
        chosen = rng.choice(donors, _DRAWS)
        geometry = [transplant(crystal, tested.crystals[donor], rng) for donor in chosen]
    medians = []
    for changed in (species, geometry):
        moved = np.zeros(0)
        if changed:
            moved = np.abs(tested.predict(changed, [row] * len(changed)) - prediction)
        moved = moved[np.isfinite(moved)]
        medians.append(float(np.median(moved)) if len(moved) else np.inf)
    return medians[0], medians[1]
