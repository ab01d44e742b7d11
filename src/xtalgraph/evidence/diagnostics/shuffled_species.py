"""Elements redrawn from the training set, geometry kept: does the model read the chemistry?"""

from typing import Final

import numpy as np
from jaxtyping import Int

from xtalgraph.baselines.composition_features import count_elements, element_fractions
from xtalgraph.crystals.crystal import Crystal
from xtalgraph.evidence.diagnostics.change import examine_change
from xtalgraph.evidence.diagnostics.evaluator import FEWEST, Evaluator
from xtalgraph.evidence.diagnostics.result import Examined, not_applicable

NAME: Final = "elements"
TITLE: Final = "Shuffled species, geometry kept"
KEPT: Final = 0.5
"""Share of the explained variance that may stay when the elements are others."""
_ENOUGH: Final = 100
"""Changed crystals that are wanted; a small test is drawn several times."""


def shuffled_species(tested: Evaluator) -> Examined:
    """Give every test crystal other elements, and see what is left of R².

    Each element of a crystal becomes another one, drawn as often as the training crystals hold
    it, no two the same; cell and positions stay.

    Args:
        tested: What is examined.
    """
    train = [tested.crystals[row] for row in tested.split.train]
    fractions = element_fractions(count_elements(train))
    if np.allclose(fractions, fractions[:1], rtol=0, atol=1e-9):
        why = "All training crystals have one composition: there are no other elements to draw."
        return not_applicable(NAME, TITLE, why)
    if len(tested.test) < FEWEST:
        why = f"The test has {len(tested.test)} crystals, and an R² needs {FEWEST}."
        return not_applicable(NAME, TITLE, why)
    rng = tested.generator(NAME)
    rows = np.tile(np.arange(len(tested.test)), -(-_ENOUGH // len(tested.test)))
    changed = [redraw(tested.crystals[tested.test[row]], tested.seen, rng) for row in rows]
    return examine_change(
        tested,
        rows,
        changed,
        name=NAME,
        title=TITLE,
        after="species shuffled",
        keeps=KEPT,
        reason=(
            "What nature decides by the elements, a model that keeps "
            "half of its R² without them decides by something else, such as size or prototype."
        ),
        fine="The prediction hangs on the elements, as it should.",
        bad=(
            "The prediction hardly depends on which elements are there: geometry, size or the "
            "kind of structure alone explain it. On new chemistry it will be wrong unnoticed."
        ),
    )


def redraw(crystal: Crystal, seen: Int[np.ndarray, "119"], rng: np.random.Generator) -> Crystal:
    """Return the crystal with each of its elements replaced by one drawn.

    Args:
        crystal: Any.
        seen: How often each element is drawn, by atomic number.
        rng: Draws.
    """
    own, place = np.unique(crystal.numbers, return_inverse=True)
    weight = seen.astype(float)
    if np.count_nonzero(weight) >= 2 * len(own):
        weight[own] = 0.0  # others, where there are enough
    enough = np.count_nonzero(weight) >= len(own)
    drawn = rng.choice(len(weight), len(own), replace=not enough, p=weight / weight.sum())
    return Crystal(crystal.cell, crystal.positions, drawn[place], crystal.pbc)
