"""The worst errors, each with what is known of it and the likeliest reason."""

from dataclasses import dataclass
from typing import Any, Final

import numpy as np
from jaxtyping import Float, Int
from matplotlib.figure import Figure

from xtalgraph.conventions.elements import SYMBOLS
from xtalgraph.crystals.composition import reduced_formula
from xtalgraph.evidence.bonded_crystal import with_bonds
from xtalgraph.evidence.diagnostics.diagnosed_predictor import DiagnosedPredictor
from xtalgraph.evidence.diagnostics.finding import Examined, Finding, Picture, Verdict
from xtalgraph.evidence.diagnostics.nearest_training import nearest_composition, nearest_latent
from xtalgraph.evidence.diagnostics.redrawn_elements import redraw
from xtalgraph.evidence.diagnostics.replaced_geometry import transplant
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
    "Outlier label: the five training crystals nearest in latent space agree with the prediction, "
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
    latent: Int[np.ndarray, " k"]
    away: float
    composition: int
    other_elements: float
    rarest: str
    rarest_seen: int
    larger_than: float
    moved_by_elements: float
    moved_by_geometry: float
    reason: str


def worst_errors(subject: DiagnosedPredictor) -> Examined:
    """Look at the test crystals with the largest errors, and at their training neighbours.

    Args:
        subject: What is examined.
    """
    order = np.argsort(-np.abs(subject.errors), kind="stable")[:WORST]
    cases = _cases(subject, order)
    values = subject.values
    decimals = shared_decimals([float(subject.errors[case.place]) for case in cases])
    rows = []
    for case in cases:
        near, alike = int(case.latent[0]), case.composition
        rows.append(
            (
                subject.ids[case.row],
                reduced_formula(subject.crystals[case.row]),
                fixed(float(values[case.row]), decimals),
                fixed(float(subject.errors[case.place]), decimals, sign=True),
                case.reason,
                _neighbor(subject, near, decimals),
                _neighbor(subject, alike, decimals),
                f"{case.rarest} in {case.rarest_seen:,}",
                f"{len(subject.crystals[case.row]):,}",
            )
        )
    unit = f" ({subject.unit})" if subject.unit else ""
    figures, pictures = _drawn(subject, cases)
    reasons, counts = np.unique([case.reason for case in cases], return_counts=True)
    summary = ", ".join(
        f"{reasons[k]} {counts[k]}" for k in np.argsort(-counts, kind="stable").tolist()
    )
    finding = Finding(
        name=NAME,
        title=TITLE,
        verdict=Verdict.SHOWN,
        says=f"Of the {len(cases)} largest errors: {summary}.",
        reason=RULES,
        details={"crystals": [_plain_case(subject, case) for case in cases]},
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
    return Examined(finding, figures)


def _neighbor(subject: DiagnosedPredictor, row: int, decimals: int) -> str:
    label = fixed(float(subject.values[row]), decimals)
    return f"{reduced_formula(subject.crystals[row])}, {label}"


def _cases(subject: DiagnosedPredictor, places: Int[np.ndarray, " some"]) -> list[_Case]:
    rows = subject.test[places]
    latent = nearest_latent(subject, rows, NEIGHBORS)
    composition = nearest_composition(subject, rows, 1)
    train_sizes = subject.sizes[subject.split.train]
    cases = []
    for n, (row, place) in enumerate(zip(rows.tolist(), places.tolist(), strict=True)):
        elements = np.unique(subject.crystals[row].numbers)
        rarest = int(elements[np.argmin(subject.seen[elements])])
        error = abs(float(subject.errors[place]))
        by_elements, by_geometry = _moves(subject, row, float(subject.predictions[place]))
        known: dict[str, Any] = {
            "row": row,
            "place": place,
            "latent": latent.rows[n],
            "away": float(latent.distance[n, 0]),
            "composition": int(composition.rows[n, 0]),
            "other_elements": float(composition.distance[n, 0]),
            "rarest": SYMBOLS[rarest],
            "rarest_seen": int(subject.seen[rarest]),
            "larger_than": float((train_sizes < subject.sizes[row]).mean()),
            "moved_by_elements": by_elements / max(error, 1e-300),
            "moved_by_geometry": by_geometry / max(error, 1e-300),
        }
        label, said = float(subject.values[row]), float(subject.predictions[place])
        beside = subject.values[latent.rows[n]]
        outlier = is_outlier(label, said, beside, subject.mae)
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
    spread = max(float(np.abs(beside - middle).mean()), error)
    return abs(label - middle) >= OUTLIER * spread and abs(said - middle) < OUTLIER * spread


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


def _moves(subject: DiagnosedPredictor, row: int, said: float) -> tuple[float, float]:
    """Median change of a prediction under other elements and under another geometry.

    Infinite where there is nothing to exchange.
    """
    crystal, rng = subject.crystals[row], subject.generator(f"{NAME}-{row}")
    donors = np.flatnonzero(subject.sizes == len(crystal))
    donors = donors[donors != row]
    found = []
    for possible in (np.count_nonzero(subject.seen) > 1, len(donors) > 0):
        if not possible:
            found.append(np.inf)
            continue
        if not found:
            changed = [redraw(crystal, subject.seen, rng) for _ in range(_DRAWS)]
        else:
            chosen = rng.choice(donors, _DRAWS)
            changed = [transplant(crystal, subject.crystals[d], rng) for d in chosen]
        moved = np.abs(subject.predict(changed, [row] * len(changed)) - said)
        moved = moved[np.isfinite(moved)]
        found.append(float(np.median(moved)) if len(moved) else np.inf)
    return found[0], found[1]


def _plain_case(subject: DiagnosedPredictor, case: _Case) -> dict[str, Any]:
    return {
        "id": subject.ids[case.row],
        "label": float(subject.values[case.row]),
        "prediction": float(subject.predictions[case.place]),
        "reason": case.reason,
        "nearest latent": [subject.ids[row] for row in case.latent],
        "latent distance": case.away,
        "nearest composition": subject.ids[case.composition],
        "share of other elements": case.other_elements,
        "rarest element": case.rarest,
        "training crystals with it": case.rarest_seen,
        "larger than this share of training": case.larger_than,
        "moved by elements, over the error": case.moved_by_elements,
        "moved by geometry, over the error": case.moved_by_geometry,
    }


def _drawn(
    subject: DiagnosedPredictor, cases: list[_Case]
) -> tuple[dict[str, Figure], tuple[Picture, ...]]:
    figures, pictures = {}, []
    for place, case in enumerate(cases[:DRAWN], start=1):
        crystal = subject.crystals[case.row]
        if len(crystal) > MOST_ATOMS:
            continue
        name = f"{NAME}-{place}"
        figures[name] = crystal_still(with_bonds(crystal), size=2.8)
        shows = f"{reduced_formula(crystal)}, {subject.ids[case.row]}: {case.reason}"
        pictures.append(Picture(name, shows, small=True))
    return figures, tuple(pictures)
