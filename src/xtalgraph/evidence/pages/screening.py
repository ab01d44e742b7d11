"""The page of a screening: a table of the best, and the pictures of the first."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from xtalgraph.conventions.files import write_atomically
from xtalgraph.crystals.crystal import Crystal
from xtalgraph.data.targets import Target
from xtalgraph.evidence.bonded_crystal import with_bonds
from xtalgraph.evidence.numbers import count, meaningful, plain, with_unit
from xtalgraph.evidence.pages.frame import render_page
from xtalgraph.evidence.pages.markup import Content, Html, escaped, figure, formula, section, table
from xtalgraph.plots.crystal_snapshot import crystal_snapshot
from xtalgraph.plots.export import figure_to_svg, inline_svg

PICTURES: Final = 12
"""How many of the best are drawn."""
MOST_ATOMS: Final = 400
"""A crystal with more atoms than this is listed and not drawn."""
_HEADS: Final = {
    "rank": "",
    "id": "id",
    "formula": "formula",
    "expected_improvement": "expected improvement",
    "best_case": "best case",
    "distance": "distance",
    "prediction": "predicted",
    "std": "standard deviation",
    "expected_error": "expected error",
    "lower": "from",
    "upper": "to",
    "cost": "cost",
    "novelty": "unlike training",
    "same": "the same crystal",
}
"""What the page shows of the table, and the heading of each column."""


@dataclass(frozen=True, eq=False)
class Candidate:
    """One of the best."""

    crystal: Crystal
    """To be drawn."""
    line: Mapping[str, Any]
    """Its line of the table."""


def write_screen_page(
    folder: Path,
    candidates: Sequence[Candidate],
    *,
    target: Target,
    title: str,
    ranking: str,
    caveats: Sequence[str] = (),
    error: float | None = None,
    file: str = "screen.html",
    further: Sequence[str] = (),
) -> Path:
    """Write ``screen.html``, or a page like it, one file that loads nothing.

    Args:
        folder: Where to.
        candidates: The best first.
        target: What was predicted.
        title: What the page is headed with.
        ranking: How they were ranked, in words.
        caveats: What limits the ranking, in sentences.
        error: Mean absolute error of the model, two digits of which are shown of a prediction.
        file: Name of the page.
        further: HTML of the sections at its end.
    """
    new = sum(bool(candidate.line.get("novelty")) for candidate in candidates)
    novelty = (
        f"{count(new, 'candidate')} of {len(candidates)} are unlike the training crystals. "
        "The test error does not apply to them."
        if new
        else ""
    )
    shown = [key for key in _HEADS if key in candidates[0].line]
    rows = [[_cell(candidate.line, key, error) for key in shown] for candidate in candidates]
    heads = [_HEADS[key] for key in shown]
    drawn = [
        candidate for candidate in candidates[:PICTURES] if len(candidate.crystal) <= MOST_ATOMS
    ]
    gallery = "".join(_picture(candidate, target, error) for candidate in drawn)
    unit = f" ({target.unit})" if target.unit else ""
    page = render_page(
        title=title,
        kicker=f"{target.name}{unit} · {ranking}",
        headline=f"{title}.",
        warnings=[novelty, *caveats],
        body=[
            section("best", "Best candidates", [f'<div class="gallery">{gallery}</div>']),
            section("table", "Table", [table(heads, rows, "numbers ranked")]),
            *further,
        ],
    )
    path = folder / file
    write_atomically(path, page)
    return path


def _cell(line: Mapping[str, Any], key: str, error: float | None) -> Content:
    value = line[key]
    if key == "formula":
        return formula(str(value))
    if key in ("prediction", "lower", "upper"):
        return meaningful(value, error)
    if not isinstance(value, float):
        return str(value)
    return plain(value, 2 if key in ("std", "distance", "expected_error") else 3)


def _picture(candidate: Candidate, target: Target, error: float | None) -> str:
    name = str(candidate.line["formula"])
    svg = figure_to_svg(crystal_snapshot(with_bonds(candidate.crystal), size=2.8))
    picture = Html(
        inline_svg(svg, f"rank-{candidate.line['rank']}", f"Crystal structure of {name}")
    )
    prediction = meaningful(float(candidate.line["prediction"]), error)
    if "std" in candidate.line:
        prediction += f" ± {plain(float(candidate.line['std']), 1)}"
    value = escaped(with_unit(prediction, target.unit))
    flag = "<br>unlike the training crystals" if candidate.line.get("novelty") else ""
    named = f"<b>{formula(name).text}</b> {escaped(str(candidate.line['id']))}"
    head = f"{candidate.line['rank']}. {named}"
    return figure(picture, Html(f"{head}<br>{value}{flag}"))
