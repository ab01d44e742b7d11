"""The page of generated crystals beside held-out ones and beside baselines."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Final

import numpy as np

from xtalgraph.conventions.files import write_atomically
from xtalgraph.crystals.crystal import Crystal
from xtalgraph.evidence.bonded_crystal import with_bonds
from xtalgraph.evidence.numbers import plain, with_interval
from xtalgraph.evidence.pages.frame import render_page
from xtalgraph.evidence.pages.markup import (
    Html,
    details,
    escaped,
    figure,
    formula,
    paragraph,
    section,
    table,
)
from xtalgraph.evidence.text.generation import MEASURES, factor_of, headline, lead, warnings
from xtalgraph.plots.crystal_snapshot import crystal_snapshot
from xtalgraph.plots.curves import Curve, curves_plot
from xtalgraph.plots.export import figure_to_svg, inline_svg

PICTURES: Final = 3
"""Held-out crystals that are drawn beside the first draw for them."""
_ROLES: Final = ("model", "truth", "beside", "other")


def write_generation_page(
    folder: Path,
    document: Mapping[str, Any],
    pairs: Sequence[tuple[Crystal, Crystal, float | None]],
) -> Path:
    """Write ``generated.html``, one file that loads nothing.

    Args:
        folder: Where to.
        document: The content of ``generated.json``, the model before the baselines.
        pairs: Held-out crystals, the first draw for each, and their distance where they match.
    """
    page = render_page(
        title="Generated crystals beside held-out ones",
        kicker="Generation · assessed on crystals that were not trained on",
        headline=f"{headline(document)}.",
        lead=[lead(document)],
        warnings=warnings(document),
        body=[_measures(document), _rates(document), _pictures(pairs)],
    )
    path = folder / "generated.html"
    write_atomically(path, page)
    return path


def _measures(document: Mapping[str, Any]) -> str:
    sources = document["sources"]
    shown = [key for key in MEASURES if key in sources[0]]
    rows: list[list[str | Html]] = [
        [*MEASURES[key][:2], *(_cell(source[key], factor_of(key)) for source in sources)]
        for key in shown
    ]
    meanings = table([], [(MEASURES[key][0], MEASURES[key][2]) for key in shown], "fields")
    parts = [
        paragraph("Values with 95 % bootstrap intervals over the held-out crystals."),
        table(["", "unit", *(source["name"] for source in sources)], rows, "numbers"),
        details("What the measures are", meanings),
    ]
    return section("measures", "Measures", parts)


def _cell(measure: Mapping[str, float | None], factor: float) -> Html:
    value, low, high = (
        None if number is None else factor * number
        for number in (measure["value"], measure["low"], measure["high"])
    )
    text, interval = with_interval(value, low, high)
    return Html(f"{escaped(text)}<br><small>{escaped(interval)}</small>")


def _rates(document: Mapping[str, Any]) -> str:
    """The match rate by the number of draws, of each source."""
    curves = []
    for source, role in zip(document["sources"], _ROLES, strict=False):
        rates = 100 * np.array(source["match_rates"])
        draws = np.arange(1, len(rates) + 1, dtype=float)
        curves.append(Curve(draws, rates, source["name"], role, dots=len(rates) == 1))
    drawn = curves_plot([curves], xlabel="draws for each crystal", ylabel="match rate (%)")
    text = "Share of held-out crystals that some draw matches, by the number of draws"
    picture = Html(inline_svg(figure_to_svg(drawn), "rates", text))
    return section("rates", "More draws", [figure(picture, text)])


def _pictures(pairs: Sequence[tuple[Crystal, Crystal, float | None]]) -> str:
    figures = []
    for number, (held, drawn, distance) in enumerate(pairs[:PICTURES]):
        result = "no match" if distance is None else f"distance {plain(distance, 2)}"
        for crystal, caption in ((held, "held out"), (drawn, f"drawn: {result}")):
            svg = figure_to_svg(crystal_snapshot(with_bonds(crystal), size=2.4))
            text = f"Crystal structure of {crystal.formula}, {caption}"
            picture = Html(inline_svg(svg, f"pair-{number}-{caption.split(':')[0][:4]}", text))
            head = Html(f"<b>{formula(held.formula).text}</b><br>{escaped(caption)}")
            figures.append(figure(picture, head))
    return section(
        "pictures", "The first draws", [f'<div class="gallery">{"".join(figures)}</div>']
    )
