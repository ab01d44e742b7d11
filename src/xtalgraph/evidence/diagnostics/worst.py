"""The worst errors, each with what is known of it and the likeliest cause."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, Final

import numpy as np
import torch
from jaxtyping import Float, Int

from xtalgraph.baselines.composition_features import count_elements, element_fractions
from xtalgraph.conventions.elements import SYMBOLS
from xtalgraph.crystals.composition import reduced_formula
from xtalgraph.evidence.bonded_crystal import to_plain, with_bonds
from xtalgraph.evidence.diagnostics.evaluator import Evaluator
from xtalgraph.evidence.diagnostics.result import DiagnosticResult, Verdict
from xtalgraph.evidence.diagnostics.shortcuts import shuffle, transplant
from xtalgraph.graphs.build import build_supported
from xtalgraph.models.inference import infer
from xtalgraph.models.novelty import (
    Nearest,
    cumulative_compositions,
    nearest_compositions,
    nearest_embeddings,
)

_BATCH: Final = 256
"""Crystals in a batch."""


def embeddings_of(
    tested: Evaluator, rows: Int[np.ndarray, " crystals"]
) -> Float[np.ndarray, "crystals width"]:
    """Return the mean of the atoms' final vectors of each crystal; NaN where it has no graph.

    The vectors of several members stand one after the other.
    """
    predictor = tested.predictor
    graph_settings = predictor.spec.make_graph_settings()
    width = sum(member.encoder.width for member in predictor.members)
    embeddings = np.full((len(rows), width), np.nan)
    for start in range(0, len(rows), _BATCH):
        part = rows[start : start + _BATCH]
        graph, unsupported = build_supported([tested.crystals[row] for row in part], graph_settings)
        if graph is None:
            continue
        bad = {skipped.index for skipped in unsupported}
        good = [n for n in range(len(part)) if n not in bad]
        graph = tested.with_conditions(graph, part[good])
        (batch,) = infer(predictor.members, [graph], device=predictor.device)
        atom = torch.cat([output.features.atom for output in batch.outputs], dim=1).double().cpu()
        weight = graph.atom_multiplicity.double()[:, None]
        empty = torch.zeros(len(graph), atom.shape[1], dtype=torch.float64)
        total = empty.index_add(0, graph.crystal_of_atom, atom * weight)
        count = empty[:, :1].index_add(0, graph.crystal_of_atom, weight)
        embeddings[start + np.array(good)] = (total / count).numpy()
    return embeddings


def nearest_embedding(tested: Evaluator, rows: Int[np.ndarray, " some"], k: int) -> Nearest:
    """Find the training crystals with the nearest embeddings, of several members all.

    The distance is that of `embeddings_of`, each column in units of its standard deviation over
    the training part, over the root of their number.

    Args:
        tested: What is examined.
        rows: Of the table.
        k: How many, at most.

    Returns:
        Their rows in the table, and how far they are.
    """
    train = np.asarray(tested.split.train)
    known, asked = embeddings_of(tested, train), embeddings_of(tested, rows)
    there = np.isfinite(known).all(axis=1)
    std = known[there].std(axis=0)
    used = std > 1e-9 * max(float(std.max()), 1e-300)
    scale = std[used] * np.sqrt(max(int(used.sum()), 1))
    nearest = nearest_embeddings(asked[:, used] / scale, known[there][:, used] / scale, k)
    return Nearest(train[there][nearest.places], nearest.distance)


def nearest_composition(tested: Evaluator, rows: Int[np.ndarray, " some"], k: int) -> Nearest:
    """Find the training crystals with the nearest composition, by the element mover's distance."""
    train = np.asarray(tested.split.train)
    cumulative = cumulative_compositions(tested.crystals)
    nearest = nearest_compositions(cumulative[rows], cumulative[train], k)
    return Nearest(train[nearest.places], nearest.distance)


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
    formula: str
    atoms: int
    label: float
    """As it is compared."""
    prediction: float
    cause: Cause
    """The likeliest."""
    nearest: Sequence[str]
    """Ids of the training crystals with the nearest embeddings."""
    nearest_formula: str
    """Of the first of them."""
    nearest_label: float
    embedding_distance: float
    """To the first of them."""
    composition: str
    """Id of the training crystal with the nearest composition (element mover's distance)."""
    composition_formula: str
    composition_label: float
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
    tested: Evaluator, row: int, number: int, near: np.ndarray, alike: int, away: float
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
