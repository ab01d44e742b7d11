"""The page of a diagnosis: one HTML file that opens anywhere, made from ``diagnose.json``."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any, Final

from xtalgraph.evidence.diagnostics.force_errors import WorstFrames
from xtalgraph.evidence.diagnostics.registry import DIAGNOSTICS
from xtalgraph.evidence.diagnostics.result import DiagnosticResult, Quantity, Verdict
from xtalgraph.evidence.diagnostics.worst import WorstErrors
from xtalgraph.evidence.numbers import count, fixed, listing, shared_decimals
from xtalgraph.evidence.pages.frame import render_page
from xtalgraph.evidence.pages.markup import (
    Content,
    Html,
    columns,
    escaped,
    figure,
    formula,
    paragraph,
    section,
    table,
)
from xtalgraph.plots.export import inline_svg, save_figure


@dataclass(frozen=True)
class Picture:
    """A figure that has been drawn and kept."""

    caption: str
    svg: Html
    """The figure as an SVG element."""
    small: bool
    """Whether it stands in a row of small ones."""


def keep_pictures(result: DiagnosticResult, quantity: Quantity, folder: Path) -> list[Picture]:
    """Draw a result, and write its figures as SVG and PNG."""
    kept = []
    for drawn in DIAGNOSTICS[result.name].drawn(result, quantity):
        path = folder / drawn.name
        svg = save_figure(drawn.figure, path).read_text(encoding="utf-8")
        picture = Html(inline_svg(svg, drawn.name, drawn.caption))
        kept.append(Picture(drawn.caption, picture, drawn.small))
    return kept


def render_diagnosis(
    results: Sequence[DiagnosticResult],
    quantity: Quantity,
    pictures: Mapping[str, Sequence[Picture]],
    *,
    title: str,
    kicker: str,
) -> str:
    """Return the page."""
    alarms = [result for result in results if result.verdict is Verdict.ALARM]
    listed = listing([DIAGNOSTICS[result.name].title.lower() for result in alarms])
    return render_page(
        title=title,
        kicker=kicker,
        headline=headline(results),
        lead=[f"Beyond the threshold: {listed}."] if alarms else [],
        warnings=[sentence_of(result, quantity) for result in alarms],
        body=[
            _overview(results),
            *(_section(result, quantity, pictures.get(result.name, ())) for result in results),
        ],
        styles=["diagnose.css"],
    )


def headline(results: Sequence[DiagnosticResult]) -> str:
    """Say how many alarms there are."""
    alarms = sum(result.verdict is Verdict.ALARM for result in results)
    assessed = sum(result.verdict in (Verdict.OK, Verdict.ALARM) for result in results)
    asked = count(assessed, "diagnostic")
    if alarms:
        return f"{alarms} of {asked} {'raises' if alarms == 1 else 'raise'} an alarm."
    return f"No alarm in {asked}."


def sentence_of(result: DiagnosticResult, quantity: Quantity) -> str:
    """Return the title of a diagnostic and what its result means, for a warning."""
    diagnostic = DIAGNOSTICS[result.name]
    return f"{diagnostic.title}: {diagnostic.says(result, quantity)}"


def number_of(result: DiagnosticResult) -> str:
    """Return the number of a result, to three digits; empty where there is none."""
    return "" if result.number is None else f"{result.number:.3g}".replace("-", "−")


def limit_of(result: DiagnosticResult) -> str:
    """Return where its alarm begins, ``below 0.01``; empty where there is none."""
    if result.threshold is None:
        return ""
    return f"{DIAGNOSTICS[result.name].alarm} {result.threshold:.3g}"


def _overview(results: Sequence[DiagnosticResult]) -> str:
    rows: list[list[Content]] = []
    for result in results:
        link = Html(f'<a href="#{result.name}">{escaped(DIAGNOSTICS[result.name].title)}</a>')
        rows.append([link, _badge(result.verdict), number_of(result), limit_of(result)])
    head = ["diagnostic", "verdict", "number", "alarm"]
    return section("overview", "Overview", [table(head, rows, "overview")])


def _section(result: DiagnosticResult, quantity: Quantity, pictures: Sequence[Picture]) -> str:
    diagnostic = DIAGNOSTICS[result.name]
    note = ""
    if result.number is None and not diagnostic.measured:
        note = diagnostic.reason
    elif result.number is not None:
        measured = f"{diagnostic.measured[0].upper()}{diagnostic.measured[1:]}"
        limit = f" (alarm {limit_of(result)})" if result.threshold is not None else ""
        note = f"{measured}: {number_of(result)}{limit}. {diagnostic.reason}"
    text = paragraph(diagnostic.says(result, quantity)) + paragraph(note, "asked")
    large, small = (
        "".join(
            figure(picture.svg, picture.caption) for picture in pictures if picture.small is size
        )
        for size in (False, True)
    )
    return section(
        result.name,
        Html(f"{escaped(diagnostic.title)} {_badge(result.verdict).text}"),
        [
            f'<div class="answer"><div>{text}</div>{f"<div>{large}</div>" if large else ""}</div>',
            f'<div class="gallery">{small}</div>' if small else "",
            _cases(result.numbers, quantity) if isinstance(result.numbers, WorstErrors) else "",
            columns(_FRAMES, result.numbers.cases, "cases")
            if isinstance(result.numbers, WorstFrames)
            else "",
        ],
    )


def _cases(numbers: WorstErrors, quantity: Quantity) -> str:
    """The table of the worst errors."""
    decimals = shared_decimals([_error(case) for case in numbers.cases])
    unit = f" ({quantity.unit})" if quantity.unit else ""

    def near(case: Mapping[str, Any], which: str) -> Html:
        label = fixed(case[f"{which}_label"], decimals)
        return Html(f"{formula(case[f'{which}_formula']).text}, {label}")

    shown: dict[str, Callable[[Any], Content]] = {
        "id": lambda case: case["id"],
        "formula": lambda case: formula(case["formula"]),
        f"label{unit}": lambda case: fixed(case["label"], decimals),
        f"error{unit}": lambda case: fixed(_error(case), decimals, sign=True),
        "likely cause": lambda case: str(case["cause"]),
        "nearest embedding, label": partial(near, which="nearest"),
        "nearest composition, label": partial(near, which="composition"),
        "rarest element, training crystals": lambda case: (
            f"{case['rarest']} in {case['rarest_training']:,}"
        ),
        "atoms": lambda case: f"{case['atoms']:,}",
    }
    return columns(shown, numbers.cases, "cases")


def _error(case: Mapping[str, Any]) -> float:
    return float(case["prediction"] - case["label"])


_FRAMES: Final[Mapping[str, Callable[[Any], Content]]] = {
    "id": lambda case: case["id"],
    "formula": lambda case: formula(case["formula"]),
    "group": lambda case: case["group"],
    "atoms": lambda case: f"{case['atoms']:,}",
    "energy error, meV/atom": lambda case: fixed(1000.0 * case["energy"], 1, sign=True),
    "RMSE of forces, meV/Å": lambda case: fixed(1000.0 * case["rmse"], 0),
    "worst atom": lambda case: f"{case['site']} ({case['element']})",
    "its force, eV/Å": lambda case: fixed(case["force"], 2),
    "error there, eV/Å": lambda case: fixed(case["error"], 2),
}
"""What the table of the worst frames shows."""


def _badge(verdict: Verdict) -> Html:
    kind = verdict.value if verdict in (Verdict.OK, Verdict.ALARM) else ""
    return Html(f'<span class="verdict {kind}">{escaped(verdict.value)}</span>')
