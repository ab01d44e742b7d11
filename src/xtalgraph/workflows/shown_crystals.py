"""The crystals that the report of a run can show: formulas of all, structures of some."""

from typing import Any, Final

import numpy as np

from xtalgraph.crystals.composition import reduced_formula
from xtalgraph.data.divided import Divided
from xtalgraph.evidence.bonded_crystal import to_plain, with_bonds

MOST_SHOWN: Final = 40
"""Test crystals whose structures are kept for the report, beside those of the worst errors."""
MOST_ATOMS: Final = 80
"""A crystal with more atoms than this is passed over."""


def shown_crystals(divided: Divided) -> dict[str, Any]:
    """Return the content of ``structures.json``.

    Args:
        divided: Crystals and parts; the structures are an even sample of the test.
    """
    dataset, split = divided.dataset, divided.split
    ids, crystals = dataset.table.ids, dataset.table.crystals
    small = [row for row in split.test.tolist() if len(crystals[row]) <= MOST_ATOMS]
    wanted = np.linspace(0, len(small) - 1, min(MOST_SHOWN, len(small))).round().astype(int)
    parts = np.concatenate(list(split.parts().values()))
    return {
        "formulas": {ids[row]: reduced_formula(crystals[row]) for row in parts.tolist()},
        "crystals": [
            {"id": ids[row], **to_plain(with_bonds(crystals[row]))}
            for row in (small[place] for place in wanted.tolist())
        ],
    }
