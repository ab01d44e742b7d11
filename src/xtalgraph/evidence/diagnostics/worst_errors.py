"""The worst errors, each with what is known of it and the likeliest reason."""

from dataclasses import dataclass
from typing import Any, Final

import numpy as np
from jaxtyping import Float, Int
from matplotlib.figure import Figure

from xtalgraph.conventions.elements import SYMBOLS
from xtalgraph.crystals.composition import reduced_formula
from xtalgraph.evidence.bonded_crystal import with_bonds
from xtalgraph.evidence.diagnostics.evaluator import Evaluator
from xtalgraph.evidence.diagnostics.nearest_training import nearest_composition, nearest_embedding
from xtalgraph.evidence.diagnostics.replaced_geometry import transplant
from xtalgraph.evidence.diagnostics.result import DiagnosticResult, Examined, Picture, Verdict
from xtalgraph.evidence.diagnostics.shuffled_species import redraw
from xtalgraph.evidence.numbers import fixed, shared_decimals
from xtalgraph.plots.crystal_still import crystal_still

NAME: Final = "worst"
TITLE: Final = "The worst errors, each with its reason"
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
"""Spreads by which a label leaves those of its neighbours."""
UNMOVED: Final = 0.1
"""Change of a prediction over its error below which what was changed plays no part."""
_DRAWS: Final = 8
"""Changed copies of each crystal."""

RULES: Final = (
    "Outlier label: the five training crystals nearest in embedding space agree with the "
    "prediction, "
    f"and the label lies {OUTLIER:g} of their standard deviations or more outside them (at least "
    f"{OUTLIER:g} test errors), while the prediction lies inside. "
    f"Rare chemistry: an element in fewer than {RARE} training crystals, or half of the atoms or "
    "more of other elements than in the nearest composition. "
    "Large cell: more atoms than 95 % of the training crystals have. "
    "Shortcut: when the species are shuffled, or the geometry is replaced, the prediction moves "
    "by less than a tenth of its error in the median of eight draws. "
    "The first that holds is given; not explained is said where none does."
)
"""The verdicts of the single crystals, in the order in which they are tried."""


@dataclass(frozen=True)
class _Case:
    """One of the worst errors."""

    row: int
    place: int  # among the test rows
    embedding: Int[np.ndarray, " k"]
    away: float
    composition: int
    other_elements: float
    rarest: str
    rarest_seen: int
    larger_than: float
    moved_by_elements: float
    moved_by_geometry: float
    reason: str


def worst_errors(tested: Evaluator) -> Examined:
    """Look at the test crystals with the largest errors, and at their training neighbours.

    Args:
        tested: What is examined.
    """
    order = np.argsort(-np.abs(tested.errors), kind="stable")[:WORST]
    cases = _cases(tested, order)
    values = tested.values
    decimals = shared_decimals([float(tested.errors[case.place]) for case in cases])
    rows = []
    for case in cases:
        near, alike = int(case.embedding[0]), case.composition
        rows.append(
            (
                tested.ids[case.row],
                reduced_formula(tested.crystals[case.row]),
                fixed(float(values[case.row]), decimals),
                fixed(float(tested.errors[case.place]), decimals, sign=True),
                case.reason,
                _neighbor(tested, near, decimals),
                _neighbor(tested, alike, decimals),
                f"{case.rarest} in {case.rarest_seen:,}",
                f"{len(tested.crystals[case.row]):,}",
            )
        )
    unit = f" ({tested.unit})" if tested.unit else ""
    figures, pictures = _drawn(tested, cases)
    reasons, counts = np.unique([case.reason for case in cases], return_counts=True)
    summary = ", ".join(
        f"{reasons[k]} {counts[k]}" for k in np.argsort(-counts, kind="stable").tolist()
    )
    result = DiagnosticResult(
        name=NAME,
        title=TITLE,
        verdict=Verdict.SHOWN,
        says=f"Of the {len(cases)} largest errors: {summary}.",
        reason=RULES,
        details={"crystals": [_plain_case(tested, case) for case in cases]},
        pictures=pictures,
        head=(
            "id",
            "formula",
            f"label{unit}",
            f"error{unit}",
            "reason",
            "nearest as the model sees it, its label",
            "nearest composition, its label",
            "rarest element, training crystals",
            "atoms",
        ),
        rows=tuple(rows),
    )
    return Examined(result, figures)


def _neighbor(tested: Evaluator, row: int, decimals: int) -> str:
    label = fixed(float(tested.values[row]), decimals)
    return f"{reduced_formula(tested.crystals[row])}, {label}"


def _cases(tested: Evaluator, places: Int[np.ndarray, " some"]) -> list[_Case]:
    rows = tested.test[places]
    embedding = nearest_embedding(tested, rows, NEIGHBORS)
    composition = nearest_composition(tested, rows, 1)
    train_sizes = tested.sizes[tested.split.train]
    cases = []
    for n, (row, place) in enumerate(zip(rows.tolist(), places.tolist(), strict=True)):
        elements = np.unique(tested.crystals[row].numbers)
        rarest = int(elements[np.argmin(tested.seen[elements])])
        error = abs(float(tested.errors[place]))
        by_elements, by_geometry = _moves(tested, row, float(tested.predictions[place]))
        known: dict[str, Any] = {
            "row": row,
            "place": place,
            "latent": embedding.rows[n],
            "away": float(embedding.distance[n, 0]),
            "composition": int(composition.rows[n, 0]),
            "other_elements": float(composition.distance[n, 0]),
            "rarest": SYMBOLS[rarest],
            "rarest_seen": int(tested.seen[rarest]),
            "larger_than": float((train_sizes < tested.sizes[row]).mean()),
            "moved_by_elements": by_elements / max(error, 1e-300),
            "moved_by_geometry": by_geometry / max(error, 1e-300),
        }
        label, said = float(tested.values[row]), float(tested.predictions[place])
        beside = tested.values[embedding.rows[n]]
        outlier = is_outlier(label, said, beside, tested.mae)
        cases.append(_Case(**known, reason=_reason(known, outlier)))
    return cases


def is_outlier(label: float, said: float, beside: Float[np.ndarray, " k"], error: float) -> bool:
    """Whether a label leaves those of its neighbours, where the prediction does not.

    Args:
        label: Of the crystal.
        said: Its prediction.
        beside: Labels of the training crystals that are nearest.
        error: Of the model on the whole test: the least that counts as a spread.
    """
    middle = float(np.median(beside))
    std = max(float(np.abs(beside - middle).mean()), error)
    return abs(label - middle) >= OUTLIER * std and abs(said - middle) < OUTLIER * std


def _reason(known: dict[str, Any], outlier: bool) -> str:
    if outlier:
        return "outlier label"
    if known["rarest_seen"] < RARE or known["other_elements"] >= FAR:
        return "rare chemistry"
    if known["larger_than"] >= LARGE:
        return "large cell"
    if min(known["moved_by_elements"], known["moved_by_geometry"]) < UNMOVED:
        return "shortcut"
    return "not explained"


def _moves(tested: Evaluator, row: int, said: float) -> tuple[float, float]:
    """Median change of a prediction under other elements and under another geometry.

    Infinite where there is nothing to exchange.
    """
    crystal, rng = tested.crystals[row], tested.generator(f"{NAME}-{row}")
    donors = np.flatnonzero(tested.sizes == len(crystal))
    donors = donors[donors != row]
    found = []
    for possible in (np.count_nonzero(tested.seen) > 1, len(donors) > 0):
        if not possible:
            found.append(np.inf)
            continue
        if not found:
            changed = [redraw(crystal, tested.seen, rng) for _ in range(_DRAWS)]
        else:
            chosen = rng.choice(donors, _DRAWS)
            changed = [transplant(crystal, tested.crystals[d], rng) for d in chosen]
        moved = np.abs(tested.predict(changed, [row] * len(changed)) - said)
        moved = moved[np.isfinite(moved)]
        found.append(float(np.median(moved)) if len(moved) else np.inf)
    return found[0], found[1]


def _plain_case(tested: Evaluator, case: _Case) -> dict[str, Any]:
    return {
        "id": tested.ids[case.row],
        "label": float(tested.values[case.row]),
        "prediction": float(tested.predictions[case.place]),
        "reason": case.reason,
        "nearest latent": [tested.ids[row] for row in case.embedding],
        "embedding distance": case.away,
        "nearest composition": tested.ids[case.composition],
        "share of other elements": case.other_elements,
        "rarest element": case.rarest,
        "training crystals with it": case.rarest_seen,
        "larger than this share of training": case.larger_than,
        "moved by elements, over the error": case.moved_by_elements,
        "moved by geometry, over the error": case.moved_by_geometry,
    }


def _drawn(tested: Evaluator, cases: list[_Case]) -> tuple[dict[str, Figure], tuple[Picture, ...]]:
    figures, pictures = {}, []
    for place, case in enumerate(cases[:DRAWN], start=1):
        crystal = tested.crystals[case.row]
        if len(crystal) > MOST_ATOMS:
            continue
        name = f"{NAME}-{place}"
        figures[name] = crystal_still(with_bonds(crystal), size=2.8)
        shows = f"{reduced_formula(crystal)}, {tested.ids[case.row]}: {case.reason}"
        pictures.append(Picture(name, shows, small=True))
    return figures, tuple(pictures)
