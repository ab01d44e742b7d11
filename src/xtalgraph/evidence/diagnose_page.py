"""The page of a diagnosis: one HTML file that opens anywhere, made from its findings."""

from collections.abc import Sequence
from pathlib import Path

from xtalgraph.evidence.diagnostics.finding import Finding, Picture, Verdict
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
    findings: Sequence[Finding], pictures: Path, *, title: str, kicker: str
) -> str:
    """Return the page.

    Args:
        findings: In the order in which they are shown.
        pictures: The folder of their pictures.
        title: Of the document.
        kicker: The line above the headline: what was examined.

    Returns:
        A whole HTML document that loads nothing.
    """
    body = [_overview(findings), *(_answer(finding, pictures) for finding in findings)]
    return render_page(
        title=title,
        kicker=kicker,
        headline=headline(findings),
        lead=_alarms(findings),
        warnings=[
            f"{finding.title}: {finding.says}"
            for finding in findings
            if finding.verdict is Verdict.ALARM
        ],
        body=body,
        styles=["diagnose.css"],
    )


def headline(findings: Sequence[Finding]) -> str:
    """Say how many alarms there are.

    Args:
        findings: All of them.
    """
    alarms = sum(one.verdict is Verdict.ALARM for one in findings)
    judged = [one for one in findings if one.verdict in (Verdict.OK, Verdict.ALARM)]
    asked = count(len(judged), "question")
    if alarms:
        return f"{alarms} of {asked} {'raises' if alarms == 1 else 'raise'} an alarm."
    return f"No alarm in {asked}."


def _alarms(findings: Sequence[Finding]) -> list[str]:
    alarms = [one.title.lower() for one in findings if one.verdict is Verdict.ALARM]
    return [f"Beyond its threshold: {listing(alarms)}."] if alarms else []


def _overview(findings: Sequence[Finding]) -> str:
    rows: list[list[Content]] = []
    for one in findings:
        link = Html(f'<a href="#{one.name}">{escaped(one.title)}</a>')
        rows.append([link, _badge(one.verdict), _number(one), one.limit])
    head = ["question", "verdict", "number", "alarm"]
    return section("overview", "Overview", [table(head, rows, "overview")])


def _answer(finding: Finding, folder: Path) -> str:
    large = [_drawn(p, folder) for p in finding.pictures if not p.small]
    small = [_drawn(p, folder) for p in finding.pictures if p.small]
    facts = ""
    if finding.number is not None:
        judged = f", alarm {finding.limit}" if finding.limit else ""
        facts = f"{finding.measure}: {_number(finding)}{judged}. "
    facts = f"{facts[:1].upper()}{facts[1:]}{finding.reason}"
    text = paragraph(finding.says) + paragraph(facts, "asked")
    beside = f'<div class="answer"><div>{text}</div>{_wrapped(large)}</div>'
    rows: list[list[Content]] = [
        [formula(cell) if place == 1 else cell for place, cell in enumerate(row)]
        for row in finding.rows
    ]
    heading = Html(f"{escaped(finding.title)} {_badge(finding.verdict).text}")
    return section(
        finding.name,
        heading,
        [
            beside,
            f'<div class="gallery">{"".join(small)}</div>' if small else "",
            table(finding.head, rows, "cases") if rows else "",
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


def _number(finding: Finding) -> str:
    return (
        ""
        if finding.number is None
        else with_unit(f"{finding.number:.3g}".replace("-", "−"), finding.unit)
    )
