"""The points of a parity plot that a reader can point at, and the crystals behind them."""

import json
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Final

import numpy as np
from jaxtyping import Float, Int
from matplotlib.figure import Figure

from xtalgraph.conventions.elements import SYMBOLS
from xtalgraph.evidence.bonded_crystal import from_plain
from xtalgraph.evidence.pages.markup import Html, escaped
from xtalgraph.evidence.run_record import RunRecord
from xtalgraph.plots.atom_styles import covalent_radius, element_color
from xtalgraph.plots.crystal_drawing import draw_crystal
from xtalgraph.plots.crystal_snapshot import BALL_SHARE

MOST_POINTS: Final = 5_000
"""Points of a page that can be pointed at; the picture has them all."""
MOST_ATOMS: Final = 150
"""A crystal with more atoms than this is not drawn."""


def with_points(record: RunRecord, drawn: Figure, picture: Html, most: int) -> Html:
    """Return a parity plot with what its points are; without JavaScript it is the picture alone.

    Args:
        record: The run.
        drawn: The figure, laid out.
        picture: The same as an SVG element.
        most: How many points at most; those of the test part come first, the worst before others.
    """
    shown = chosen_points(record, most)
    (axes,) = drawn.axes
    places = np.column_stack([record.targets[shown], record.predictions[shown]])
    size = np.array([drawn.bbox.width, drawn.bbox.height])
    across = axes.transData.transform(places.reshape(-1, 2)) / size
    formulas = record.structures.get("formulas", {})
    formulas |= {str(one["id"]): str(one["formula"]) for one in record.worst}
    rows = [
        [
            round(float(x), 4),
            round(1.0 - float(y), 4),
            record.ids[row],
            formulas.get(record.ids[row], ""),
            str(record.split[row]),
            float(f"{record.targets[row]:.6g}"),
            float(f"{record.predictions[row]:.6g}"),
        ]
        for (x, y), row in zip(across, shown.tolist(), strict=True)
    ]
    points = _attribute({"unit": record.unit, "rows": rows})
    return Html(f'<div class="parity" data-points="{points}">{picture.text}</div>')


def chosen_points(record: RunRecord, most: int) -> Int[np.ndarray, " points"]:
    """Return the rows whose points can be pointed at: the test part by error, then the others.

    Args:
        record: The run.
        most: How many at most; of the others an even sample.
    """
    error = np.abs(record.predictions - record.targets)
    known = np.isfinite(error)
    test = np.flatnonzero(known & (record.split == "test"))
    test = test[np.argsort(-error[test], kind="stable")][:most]
    others = np.flatnonzero(known & (record.split != "test"))
    room = min(most - len(test), len(others))
    return np.concatenate([test, others[_evenly(len(others), room)]])


def structures(records: Sequence[RunRecord]) -> str:
    """Return the crystals that a click shows, as an element that no browser displays.

    Args:
        records: The run, one for each target.
    """
    entries = [entry for record in records for entry in record.worst]
    entries += records[0].structures.get("crystals", [])
    crystals: dict[str, Any] = {}
    for entry in entries:
        if str(entry["id"]) not in crystals and len(entry["numbers"]) <= MOST_ATOMS:
            crystals[str(entry["id"])] = _plain(entry)
    numbers = {ball[3] for one in crystals.values() for ball in one["balls"]}
    document = {"crystals": crystals, "elements": _elements(numbers)}
    return f'<div id="structures" hidden data-structures="{_attribute(document)}"></div>'


def _plain(entry: Mapping[str, Any]) -> dict[str, Any]:
    drawing = draw_crystal(from_plain(entry))
    return {
        "balls": [
            [*_rounded(place), number, int(image)]
            for place, number, image in zip(
                drawing.positions,
                drawing.numbers.tolist(),
                drawing.is_image.tolist(),
                strict=True,
            )
        ],
        "sticks": drawing.sticks.tolist(),
        "edges": [[_rounded(start), _rounded(end)] for start, end in drawing.edges],
    }


def _elements(numbers: Iterable[int]) -> dict[int, list[Any]]:
    return {
        z: [SYMBOLS[z], element_color(z), round(BALL_SHARE * covalent_radius(z), 3)]
        for z in sorted(numbers)
    }


def _evenly(count: int, wanted: int) -> Int[np.ndarray, " wanted"]:
    return np.linspace(0, count - 1, wanted).round().astype(np.int64)


def _rounded(place: Float[np.ndarray, "3"]) -> list[float]:
    return [round(value, 2) for value in place.tolist()]


def _attribute(document: Any) -> str:
    return escaped(json.dumps(document, separators=(",", ":")))
