"""The page of a diagnosis: one HTML file that opens anywhere, made from its findings."""

from collections.abc import Sequence
from pathlib import Path

from xtalgraph.evidence.diagnostics.result import DiagnosticResult, Picture, Verdict
from xtalgraph.evidence.markup import (
    Content,
    Html,
    escaped,
    figure,
    formula,
    paragraph,
    section,
    table,
)
from xtalgraph.evidence.numbers import count, listing, with_unit
from xtalgraph.evidence.page import render_page
from xtalgraph.plots.export import inline_svg


def render_diagnosis(
    results: Sequence[DiagnosticResult], pictures: Path, *, title: str, kicker: str
) -> str:
    """Return the page.

    Args:
        results: In the order in which they are shown.
        pictures: The folder of their pictures.
        title: Of the document.
        kicker: The line above the headline: what was examined.

    Returns:
        A whole HTML document that loads nothing.
    """
    body = [_overview(results), *(_answer(result, pictures) for result in results)]
    return render_page(
        title=title,
        kicker=kicker,
        headline=headline(results),
        lead=_alarms(results),
        warnings=[
            f"{result.title}: {result.says}"
            for result in results
            if result.verdict is Verdict.ALARM
        ],
        body=body,
        styles=["diagnose.css"],
    )


def headline(results: Sequence[DiagnosticResult]) -> str:
    """Say how many alarms there are.

    Args:
        results: All of them.
    """
    alarms = sum(one.verdict is Verdict.ALARM for one in results)
    assessed = [one for one in results if one.verdict in (Verdict.OK, Verdict.ALARM)]
    asked = count(len(assessed), "question")
    if alarms:
        return f"{alarms} of {asked} {'raises' if alarms == 1 else 'raise'} an alarm."
    return f"No alarm in {asked}."


def _alarms(results: Sequence[DiagnosticResult]) -> list[str]:
    alarms = [one.title.lower() for one in results if one.verdict is Verdict.ALARM]
    return [f"Beyond its threshold: {listing(alarms)}."] if alarms else []


def _overview(results: Sequence[DiagnosticResult]) -> str:
    rows: list[list[Content]] = []
    for one in results:
        link = Html(f'<a href="#{one.name}">{escaped(one.title)}</a>')
        rows.append([link, _badge(one.verdict), _number(one), one.limit])
    head = ["question", "verdict", "number", "alarm"]
    return section("overview", "Overview", [table(head, rows, "overview")])


def _answer(result: DiagnosticResult, folder: Path) -> str:
    large = [_drawn(p, folder) for p in result.pictures if not p.small]
    small = [_drawn(p, folder) for p in result.pictures if p.small]
    facts = ""
    if result.number is not None:
        assessed = f", alarm {result.limit}" if result.limit else ""
        facts = f"{result.measure}: {_number(result)}{assessed}. "
    facts = f"{facts[:1].upper()}{facts[1:]}{result.reason}"
    text = paragraph(result.says) + paragraph(facts, "asked")
    beside = f'<div class="answer"><div>{text}</div>{_wrapped(large)}</div>'
    rows: list[list[Content]] = [
        [formula(cell) if place == 1 else cell for place, cell in enumerate(row)]
        for row in result.rows
    ]
    heading = Html(f"{escaped(result.title)} {_badge(result.verdict).text}")
    return section(
        result.name,
        heading,
        [
            beside,
            f'<div class="gallery">{"".join(small)}</div>' if small else "",
            table(result.head, rows, "cases") if rows else "",
        ],
    )


def _wrapped(figures: Sequence[str]) -> str:
    return f"<div>{''.join(figures)}</div>" if figures else ""


def _drawn(picture: Picture, folder: Path) -> str:
    svg = (folder / f"{picture.name}.svg").read_text(encoding="utf-8")
    return figure(Html(inline_svg(svg, picture.name, picture.shows)), picture.shows)


def _badge(verdict: Verdict) -> Html:
    kind = verdict.value if verdict in (Verdict.OK, Verdict.ALARM) else ""
    return Html(f'<span class="verdict {kind}">{escaped(verdict.value)}</span>')


def _number(result: DiagnosticResult) -> str:
    return (
        ""
        if result.number is None
        else with_unit(f"{result.number:.3g}".replace("-", "−"), result.unit)
    )
