"""The page of a comparison: one HTML file that opens anywhere, made from ``compare.json``."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Final

import numpy as np
from jaxtyping import Float

from xtalgraph.conventions.files import write_atomically
from xtalgraph.data.targets import Target
from xtalgraph.evidence.numbers import NOT_AVAILABLE, plain, seconds, to_interval, with_interval
from xtalgraph.evidence.pages.card import render_card
from xtalgraph.evidence.pages.frame import render_page
from xtalgraph.evidence.pages.markup import (
    Content,
    Html,
    code,
    details,
    escaped,
    figure,
    paragraph,
    section,
    table,
)
from xtalgraph.evidence.text.comparison import (
    caveats,
    methods,
    outcome_in_words,
    parts_of,
    rows_of,
    verdict_of,
)
from xtalgraph.evidence.text.division import about_drawing
from xtalgraph.evidence.text.models import about_entry
from xtalgraph.metrics.measures import MEASURES, measures_of
from xtalgraph.plots.export import figure_to_svg, inline_svg, save_figure
from xtalgraph.plots.leaderboard import leaderboard_plot

_LEVELS_OF_RECALL: Final = ("100", "5%")
"""How many of the best rows the recalls of the page look for."""


def write_leaderboard(folder: Path, document: Mapping[str, Any]) -> Path:
    """Write ``compare.html``, ``card.md`` and ``figures/leaderboard`` of a comparison."""
    pictures, parts = [], parts_of(document)
    for number, part in enumerate(parts, start=1):
        drawn, name = draw_leaderboard(part), "leaderboard" + f"-{number}" * (len(parts) > 1)
        save_figure(drawn, folder / "figures" / name)
        pictures.append(Html(inline_svg(figure_to_svg(drawn), name, "Errors of every model")))
    path = folder / "compare.html"
    write_atomically(path, render_leaderboard(document, pictures))
    write_atomically(folder / "card.md", render_card(document["record"]))
    return path


def draw_leaderboard(document: Mapping[str, Any]) -> Any:
    """Draw the error and the rank of every model with their intervals."""
    entries, (first, second) = document["entries"], document["deciding"]
    return leaderboard_plot(
        [entry["name"] for entry in entries],
        [entry["level"] for entry in entries],
        _numbers(entries, first),
        _numbers(entries, second),
        model=document["assessed"],
        measures=(MEASURES[first].short, _named(second, document["target"]["unit"])),
        unit=document["target"]["unit"] if MEASURES[first].has_unit else "",
    )


def _named(key: str, unit: str) -> str:
    return f"{MEASURES[key].short} ({unit})" if MEASURES[key].has_unit else MEASURES[key].short


def render_leaderboard(document: Mapping[str, Any], pictures: Sequence[Html]) -> str:
    """The page."""
    parts, verdict = parts_of(document), verdict_of(document)
    several = len(parts) > 1
    names = ", ".join(part["target"]["name"] for part in parts)
    declared = []
    body: list[str] = []
    for number, (part, picture) in enumerate(zip(parts, pictures, strict=True), start=1):
        target = part["target"]
        unit = f" ({target['unit']})" if target["unit"] else ""
        declared.append(f"{target['name']}{unit}" + ("" if several else f", {target['kind']}"))
        body += [
            section(
                f"leaderboard-{number}" if several else "leaderboard",
                f"{target['name']}: baselines and models" if several else "Baselines and models",
                [
                    figure(picture, _caption(part["deciding"])),
                    _leaderboard(part),
                    paragraph(methods(part) if number == 1 else rows_of(part), "note"),
                ],
            ),
            _further(part),
            _folds(part),
        ]
    body += [_missing(document), _described(parts[0]), _record(document)]
    return render_page(
        title=f"{document['assessed']} on {names}: comparison",
        kicker=f"{', '.join(declared)} · {_division(document)}",
        headline=verdict.headline,
        lead=verdict.sentences[1:],
        warnings=caveats(document),
        body=body,
    )


def _caption(deciding: Sequence[str]) -> str:
    sides = {"low": "left", "high": "right"}
    measures = [MEASURES[key] for key in deciding]
    return " ".join(
        f"{measure.short}: farther {sides[measure.better]} is better." for measure in measures
    )


def _leaderboard(document: Mapping[str, Any]) -> str:
    """The table of what decides: each model, and the assessed one compared with it."""
    deciding, assessed = document["deciding"], document["assessed"]
    unit = document["target"]["unit"]
    head: list[Content] = ["model"]
    for key in deciding:
        head += [_heading(key, unit), f"{assessed} by {MEASURES[key].short}"]
    rows: list[list[Content]] = []
    for entry in document["entries"]:
        row = [_name(entry)]
        for key in deciding:
            outcome = "–" if entry["assessed"] else _outcome(entry["against"][key])
            row += [_cell(entry["metrics"][key]), outcome]
        rows.append(row)
    return table(head, rows, "metrics")


def _further(document: Mapping[str, Any]) -> str:
    """The table of all other measures, of time and of parameters."""
    unit = document["target"]["unit"]
    keys = [key for key in _keys(document) if key not in document["deciding"]]
    head: list[Content] = ["model", *(_heading(key, unit) for key in keys), "time", "parameters"]
    rows: list[list[Content]] = []
    for entry in document["entries"]:
        parameters = entry["parameters"]
        row = [_name(entry), *(_cell(entry["metrics"].get(key)) for key in keys)]
        row += ["–" if entry["seconds"] is None else seconds(entry["seconds"])]
        row += ["–" if parameters is None else f"{parameters:,}"]
        rows.append(row)
    note = paragraph(_columns(document), "note")
    return section("further", "Further measures", [table(head, rows, "metrics"), note])


def _name(entry: Mapping[str, Any]) -> Content:
    name = escaped(entry["name"])
    return Html(f"<b>{name}</b>" if entry["assessed"] else name)


def _heading(key: str, unit: str) -> Html:
    has_unit = key in MEASURES and MEASURES[key].has_unit
    small = f" <small>{escaped(unit)}</small>" if unit and has_unit else ""
    return Html(f"{escaped(title(key))}{small}")


def _columns(document: Mapping[str, Any]) -> str:
    target = Target.from_dict(document["target"])
    if "targets" in document or all(measure.top is None for measure in measures_of(target)):
        return ""
    best = target.best
    if best is None:
        return "No recall: it was not declared whether low or high is best."
    return (
        f"top-k: the share of the k {best}est that is among the k predicted {best}est, ties by "
        "expectation; enrichment: how many times more than a random choice finds. n/a: not defined."
    )


def title(key: str) -> str:
    """Return what a measure is called in a table: ``top-100``, ``enrichment 5%``."""
    return key.replace("@", " ") if key.startswith("enrichment@") else MEASURES[key].short


def _keys(document: Mapping[str, Any]) -> list[str]:
    target = Target.from_dict(document["target"])
    measured = document["entries"][0]["metrics"]
    plain = [measure.key for measure in measures_of(target) if measure.key in measured]
    plain = [key for key in plain if MEASURES[key].top is None]
    recalls = [
        f"{what}@{k}"
        for k in _LEVELS_OF_RECALL
        for what in ("recall", "enrichment")
        if any(
            entry["metrics"].get(f"recall@{k}", {}).get("value") is not None
            for entry in document["entries"]
        )
    ]
    return [*plain, *recalls]


def _cell(metric: Mapping[str, float | None] | None) -> Html:
    if metric is None:
        return Html(NOT_AVAILABLE)
    value, interval = with_interval(metric["value"], metric["low"], metric["high"])
    return Html(value + (f' <small class="interval">{interval}</small>' if interval else ""))


def _outcome(against: Mapping[str, Any]) -> Html:
    """Return how the assessed model compares, and the difference that shows it."""
    words = outcome_in_words(against["outcome"])
    if against["difference"] is None or against["low"] is None:
        return Html(words)
    value, low, high = to_interval(against["difference"], against["low"], against["high"])
    return Html(f'{words} <small class="interval">{value}, {low} to {high}</small>')


def _folds(document: Mapping[str, Any]) -> str:
    names = document["folds"]
    if len(names) < 2:
        return ""
    parts = []
    for key in document["deciding"]:
        rows = []
        for entry in document["entries"]:
            of_folds = entry["folds"][key]
            std = of_folds["deviation"]
            mean = plain(of_folds["mean"]) + (f" ± {plain(std, 2)}" if std is not None else "")
            rows.append([entry["name"], *(plain(value) for value in of_folds["values"]), mean])
        head = [MEASURES[key].short, *names, "mean ± standard deviation"]
        parts.append(table(head, rows, "numbers"))
    return section("folds", "Fold by fold", parts)


def _missing(document: Mapping[str, Any]) -> str:
    rows = [[entry["name"], entry["level"], entry["reason"]] for entry in document["not_run"]]
    shown = [table(["baseline", "level", "reason"], rows)] if rows else []
    return section("missing", "Not run", shown)


def _division(document: Mapping[str, Any]) -> str:
    """Say how the first fold was drawn, and how many there are."""
    text, folds = about_drawing(document["split"]), len(document["folds"])
    return f"{folds} folds, each the test once; the first: {text}" if folds > 1 else text


def _described(document: Mapping[str, Any]) -> str:
    target = Target.from_dict(document["target"])
    rows = [
        [entry["name"], entry["level"], about_entry(entry, target)] for entry in document["entries"]
    ]
    shown = table(["model", "level", "what"], rows, "described")
    return section("entries", "The models", [shown])


def _record(document: Mapping[str, Any]) -> str:
    record = document["record"]
    command = record["Repeat"]["command"]
    return section(
        "repeat",
        "How to repeat it",
        [
            paragraph("Run this command. Results that are in the folder already are reused."),
            code(command),
            details("The record", code(render_card(record))),
        ],
    )


def _numbers(entries: list[Any], key: str) -> Float[np.ndarray, "3 entries"]:
    ends = [[entry["metrics"][key][end] for entry in entries] for end in ("value", "low", "high")]
    return np.array(ends, dtype=float)  # None, where it is not defined, becomes NaN
