"""Geometry replaced by that of another crystal, composition kept: does the model read positions?"""

from collections import defaultdict
from typing import Final

import numpy as np

from xtalgraph.crystals.crystal import Crystal
from xtalgraph.evidence.diagnostics.change import examine_change
from xtalgraph.evidence.diagnostics.evaluator import FEWEST, Evaluator
from xtalgraph.evidence.diagnostics.result import Examined, not_applicable

NAME: Final = "geometry"
TITLE: Final = "Geometry replaced, composition kept"
KEPT: Final = 0.95
"""Share of R² that a model may keep on the geometry of other crystals."""


def replaced_geometry(tested: Evaluator) -> Examined:
    """Put the atoms of every test crystal onto the cell and sites of another of the same size.

    The other crystal is any of the whole table with as many atoms; which atom goes to which site
    is drawn.

    Args:
        tested: What is examined.
    """
    if len(tested.test) < FEWEST:
        why = f"The test has {len(tested.test)} crystals, and an R² needs {FEWEST}."
        return not_applicable(NAME, TITLE, why)
    donors: dict[int, list[int]] = defaultdict(list)
    for row, size in enumerate(tested.sizes.tolist()):
        donors[size].append(row)
    rng = tested.generator(NAME)
    places, changed = [], []
    for place, row in enumerate(tested.test.tolist()):
        others = [other for other in donors[int(tested.sizes[row])] if other != row]
        if others:
            places.append(place)
            donor = tested.crystals[others[rng.integers(len(others))]]
            changed.append(transplant(tested.crystals[row], donor, rng))
    if len(places) < FEWEST:
        why = (
            f"Only {len(places)} of {len(tested.test)} test crystals have another one of the same "
            "number of atoms whose geometry could be put in place."
        )
        return not_applicable(NAME, TITLE, why)
    return examine_change(
        tested,
        np.array(places),
        changed,
        name=NAME,
        title=TITLE,
        after="geometry replaced",
        keeps=KEPT,
        reason=(
            "Composition alone explains many properties well, so that "
            "keeping much is no fault; but a model that loses less than a twentieth, which is what "
            "R² on some hundred crystals can tell, could do without its graph."
        ),
        fine="The prediction hangs on the geometry, too.",
        bad="The geometry plays no part: the model is a composition model with extra steps.",
    )


def transplant(crystal: Crystal, donor: Crystal, rng: np.random.Generator) -> Crystal:
    """Return the donor with the atoms of the crystal on its sites, in a drawn order.

    Args:
        crystal: Gives the elements.
        donor: Gives cell, sites and periodicity; as many atoms.
        rng: Draws.
    """
    return Crystal(donor.cell, donor.positions, rng.permutation(crystal.numbers), donor.pbc)
