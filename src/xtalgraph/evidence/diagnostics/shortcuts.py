"""Shortcuts: how much of the label size, geometry or species alone explain."""

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
from jaxtyping import Float, Int
from sklearn.ensemble import GradientBoostingRegressor

from xtalgraph.baselines.composition_features import count_elements, element_fractions
from xtalgraph.conventions.errors import ConfigError
from xtalgraph.crystals.crystal import Crystal
from xtalgraph.evidence.diagnostics.evaluator import FEWEST, Evaluator
from xtalgraph.evidence.diagnostics.result import (
    DiagnosticResult,
    Number,
    Reason,
    Verdict,
    alarm_if,
    not_applicable,
)
from xtalgraph.metrics.pairs import mae, r2
from xtalgraph.metrics.ranking import spearman

SIZE_SHARE: Final = 0.5
"""Share of the model's R² that the size may explain."""
SPECIES_KEPT: Final = 0.5
"""Share of R² that may remain when the species are shuffled."""
GEOMETRY_KEPT: Final = 0.95
"""Share of R² that may remain on the geometry of other crystals."""
HALF_SHARE: Final = 0.95
"""Share of the model's R² that geometry or composition alone may reach."""
EXPLAINS: Final = 0.1
"""R² below which a model explains too little for a loss of it to mean anything."""
_LEAST: Final = 0.2
"""R² that the threshold takes the model to have, where it has less: chance reaches some 0.05."""
_MOST_ROWS: Final = 20_000
"""Training crystals that the trees learn from."""
_ENOUGH: Final = 100
"""Changed crystals that are wanted; a small test part is changed several times."""


@dataclass(frozen=True)
class SizeAlone:
    """What the size of the cell explains of the label."""

    constant: bool
    """Whether all compared labels are equal; then nothing else was measured."""
    per_atom: bool
    """Whether labels are compared per atom."""
    sizes: int
    """How many different numbers of atoms there are."""
    atoms: int
    """The number of atoms of a crystal, where all have the same."""
    r2_model: Number
    """R² of the model on the test part."""
    spearman_model: Number
    """Its rank correlation."""
    features: Sequence[str]
    """What the trees know: number of atoms, volume of the cell, both."""
    r2: Sequence[Number]
    """R² of the trees on the test part."""
    spearman: Sequence[Number]
    """Their rank correlation."""


def size_alone(tested: Evaluator) -> DiagnosticResult:
    """Learn the label from the number of atoms and the volume of the cell, each alone and both.

    Boosted trees learn the training crystals. Only what doubles with the cell counts for the
    alarm: both together know the volume per atom, a density, from which much may rightly follow.
    """
    train = np.asarray(tested.split.train)
    if len(train) < FEWEST:
        return not_applicable("size", Reason.FEW_TRAINING_CRYSTALS, len(train), FEWEST)
    if len(tested.test) < FEWEST:
        return not_applicable("size", Reason.FEW_TEST_CRYSTALS, len(tested.test), FEWEST)
    used = np.concatenate([train, tested.test])
    values, sizes = tested.values[used], np.unique(tested.sizes[used])
    if np.ptp(values) <= 1e-9 * np.abs(values).max():
        nothing = SizeAlone(True, tested.per_atom, len(sizes), int(sizes[0]), 0.0, 0.0, (), (), ())
        return DiagnosticResult("size", Verdict.ALARM, nothing)
    if len(train) > _MOST_ROWS:
        train = tested.generator("size").choice(train, _MOST_ROWS, replace=False)
    atoms = tested.sizes.astype(float)
    volumes = np.array([crystal.volume for crystal in tested.crystals])
    columns = {
        "number of atoms": [atoms],
        "volume of the cell": [volumes],
        "both": [atoms, volumes],
    }
    truth = tested.values[tested.test]
    predicted = [_by_trees(tested, train, np.stack(known, axis=1)) for known in columns.values()]
    scores = [r2(truth, values) for values in predicted]
    numbers = SizeAlone(
        constant=False,
        per_atom=tested.per_atom,
        sizes=len(sizes),
        atoms=int(sizes[0]),
        r2_model=tested.r2,
        spearman_model=spearman(truth, tested.predictions),
        features=list(columns),
        r2=scores,
        spearman=[spearman(truth, values) for values in predicted],
    )
    threshold = SIZE_SHARE * max(tested.r2, _LEAST)
    # Of one number of atoms the volume is a density, and no shortcut.
    number = max(scores[:2]) if len(sizes) > 1 else 0.0
    return DiagnosticResult("size", alarm_if(number >= threshold), numbers, number, threshold)


def _by_trees(
    tested: Evaluator, train: Int[np.ndarray, " rows"], features: Float[np.ndarray, "crystals few"]
) -> Float[np.ndarray, " test"]:
    trees = GradientBoostingRegressor(
        n_estimators=100, max_depth=3, min_samples_leaf=3, random_state=tested.seed
    )
    trees.fit(features[train], tested.values[train])
    return trees.predict(features[tested.test])


@dataclass(frozen=True)
class ChangedCrystals:
    """Predictions of crystals before and after a change that their labels do not follow."""

    unsupported: int
    """Changed crystals that the neighbour strategy does not support."""
    target: Sequence[float]
    """The labels of the crystals as they were."""
    before: Sequence[float]
    """The predictions of these."""
    after: Sequence[float]
    """The predictions of the changed crystals."""
    r2: Sequence[Number]
    """R² before and after."""
    mae: Sequence[Number]
    """Mean absolute error before and after."""
    spearman: Sequence[Number]
    """Rank correlation before and after."""


def shuffled_species(tested: Evaluator) -> DiagnosticResult:
    """Give every test crystal other elements, and compare R².

    Each element of a crystal becomes another one, drawn as often as the training crystals hold
    it, no two the same; cell and positions stay.
    """
    train = [tested.crystals[row] for row in tested.split.train]
    fractions = element_fractions(count_elements(train))
    if np.allclose(fractions, fractions[:1], rtol=0, atol=1e-9):
        return not_applicable("elements", Reason.ONE_COMPOSITION)
    if len(tested.test) < FEWEST:
        return not_applicable("elements", Reason.FEW_TEST_CRYSTALS, len(tested.test), FEWEST)
    rng = tested.generator("elements")
    rows = np.tile(np.arange(len(tested.test)), -(-_ENOUGH // len(tested.test)))
    changed = [shuffle(tested.crystals[tested.test[row]], tested.seen, rng) for row in rows]
    return _changed(tested, "elements", rows, changed, SPECIES_KEPT)


def replaced_geometry(tested: Evaluator) -> DiagnosticResult:
    """Put the atoms of every test crystal onto the cell and sites of another of the same size.

    The other crystal is any of the whole table with as many atoms; which atom goes to which site
    is drawn.
    """
    if len(tested.test) < FEWEST:
        return not_applicable("geometry", Reason.FEW_TEST_CRYSTALS, len(tested.test), FEWEST)
    donors: dict[int, list[int]] = defaultdict(list)
    for row, size in enumerate(tested.sizes.tolist()):
        donors[size].append(row)
    rng = tested.generator("geometry")
    places, changed = [], []
    for number, row in enumerate(tested.test.tolist()):
        others = [other for other in donors[int(tested.sizes[row])] if other != row]
        if others:
            places.append(number)
            donor = tested.crystals[others[rng.integers(len(others))]]
            changed.append(transplant(tested.crystals[row], donor, rng))
    return _changed(tested, "geometry", np.array(places, dtype=np.int64), changed, GEOMETRY_KEPT)


def _changed(
    tested: Evaluator,
    name: str,
    rows: Int[np.ndarray, " changed"],
    changed: Sequence[Crystal],
    kept: float,
) -> DiagnosticResult:
    """Predict changed crystals; ``rows`` says which test crystal each was, ``kept`` the alarm."""
    after = tested.predict(changed, tested.test[rows])
    known = np.isfinite(after)
    if known.sum() < FEWEST:
        return not_applicable(name, Reason.FEW_CHANGED_CRYSTALS, int(known.sum()), FEWEST)
    rows, after = rows[known], after[known]
    truth, before = tested.values[tested.test[rows]], tested.predictions[rows]
    first, second = r2(truth, before), r2(truth, after)
    numbers = ChangedCrystals(
        unsupported=int((~known).sum()),
        target=truth.tolist(),
        before=before.tolist(),
        after=after.tolist(),
        r2=(first, second),
        mae=(mae(truth, before), mae(truth, after)),
        spearman=(spearman(truth, before), spearman(truth, after)),
    )
    if not first > EXPLAINS:
        return DiagnosticResult(name, Verdict.SHOWN, numbers)
    share = max(second, 0.0) / first
    return DiagnosticResult(name, alarm_if(share >= kept), numbers, share, kept)


def shuffle(crystal: Crystal, seen: Int[np.ndarray, "119"], rng: np.random.Generator) -> Crystal:
    """Return the crystal with each of its elements replaced by one drawn."""
    elements, element_of_atom = np.unique(crystal.numbers, return_inverse=True)
    weight = seen.astype(float)
    if np.count_nonzero(weight) >= 2 * len(elements):
        weight[elements] = 0.0  # others, where there are enough
    enough = np.count_nonzero(weight) >= len(elements)
    drawn = rng.choice(len(weight), len(elements), replace=not enough, p=weight / weight.sum())
    return Crystal(crystal.cell, crystal.positions, drawn[element_of_atom], crystal.pbc)


def transplant(crystal: Crystal, donor: Crystal, rng: np.random.Generator) -> Crystal:
    """Return the donor with the atoms of the crystal on its sites, in a drawn order."""
    return Crystal(donor.cell, donor.positions, rng.permutation(crystal.numbers), donor.pbc)


@dataclass(frozen=True)
class Retrained:
    """How good models are that see one half of each crystal; test part."""

    element: str
    """The element that every atom was given."""
    epochs: int
    """How long the model without elements was trained."""
    epochs_of_model: int
    """How long the model was."""
    members: int
    r2: Sequence[Number]
    """Of the model, of geometry alone, of composition alone."""
    mae: Sequence[Number]


def retrained(tested: Evaluator) -> DiagnosticResult:
    """Compare with models that see half of each crystal; a `ConfigError` if none can be trained."""
    if tested.train_halves is None:
        raise ConfigError("the diagnostic 'retrained' trains a model: say --retrain")
    halves = tested.train_halves(tested)
    truth = tested.values[tested.test]
    model, geometry, composition = tested.predictions, halves.geometry, halves.composition
    scores = (r2(truth, model), r2(truth, geometry), r2(truth, composition))
    numbers = Retrained(
        halves.element,
        halves.epochs,
        halves.epochs_of_model,
        len(tested.predictor.members),
        scores,
        (mae(truth, model), mae(truth, geometry), mae(truth, composition)),
    )
    best, threshold = max(scores[1:]), HALF_SHARE * scores[0]
    return DiagnosticResult("retrained", alarm_if(best >= threshold), numbers, best, threshold)
