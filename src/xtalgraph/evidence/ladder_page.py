"""The page of a comparison: one HTML file that opens anywhere, made from ``compare.json``."""

from collections.abc import Mapping
from importlib.resources import files
from pathlib import Path
from string import Template
from typing import Any, Final

import numpy as np
from jaxtyping import Float

from xtalgraph.conventions.files import write_atomically
from xtalgraph.evidence.card import render_card
from xtalgraph.evidence.ladder_wording import (
    SHORT,
    methods,
    outcome_in_words,
    verdict_of,
)
from xtalgraph.evidence.markup import (
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
from xtalgraph.evidence.numbers import plain, seconds, to_interval
from xtalgraph.plots.export import figure_to_svg, inline_svg, save_figure
from xtalgraph.plots.ladder import ladder_plot

_SHOWN: Final = ("mae", "rmse", "r2", "spearman", "kendall")
_SHOWN_CLASSES: Final = ("log_loss", "brier", "roc_auc", "balanced_accuracy", "f1")


def write_ladder(folder: Path, document: Mapping[str, Any]) -> Path:
    """Write ``compare.html``, ``card.md`` and ``figures/ladder`` of a comparison.

    Args:
        folder: Of the comparison.
        document: The content of ``compare.json``.

    Returns:
        The path of the page.
    """
    drawn = draw_ladder(document)
    save_figure(drawn, folder / "figures" / "ladder")
    picture = Html(inline_svg(figure_to_svg(drawn), "ladder", "Error and rank of every rung"))
    path = folder / "compare.html"
    write_atomically(path, render_ladder(document, picture))
    write_atomically(folder / "card.md", render_card(document["record"]))
    return path


def draw_ladder(document: Mapping[str, Any]) -> Any:
    """Draw the error and the rank of every rung with their intervals.

    Args:
        document: The content of ``compare.json``.

    Returns:
        The figure.
    """
    rungs, (first, second) = document["rungs"], document["deciding"]
    return ladder_plot(
        [one["name"] for one in rungs],
        [one["level"] for one in rungs],
        _numbers(rungs, first),
        _numbers(rungs, second),
        model=document["judged"],
        measures=(SHORT[first], SHORT[second]),
        unit=document["target"]["unit"] if first == "mae" else "",
    )


def render_ladder(document: Mapping[str, Any], picture: Html) -> str:
    """The page.

    Args:
        document: The content of ``compare.json``.
        picture: The figure.

    Returns:
        A whole HTML document that loads nothing.
    """
    target, said = document["target"], verdict_of(document)
    answer, *more = said.sentences
    unit = f" ({target['unit']})" if target["unit"] else ""
    body = [
        section(
            "ladder",
            "The ladder",
            [
                *map(paragraph, more),
                figure(picture, _caption(document)),
                _standings(document),
                paragraph(methods(document), "note"),
                paragraph(_columns(document), "note"),
            ],
        ),
        _folds(document),
        _missing(document),
        _described(document),
        _record(document),
    ]
    return Template(_asset("report.html")).substitute(
        title=escaped(f"{document['judged']} on {target['name']}: comparison"),
        style=_asset("report.css"),
        kicker=escaped(f"{target['name']}{unit}, {target['kind']} · {document['split']}"),
        verdict=escaped(answer),
        warnings="\n".join(paragraph(text, "warning") for text in document["warnings"]),
        body="\n".join(part for part in body if part),
    )


def _caption(document: Mapping[str, Any]) -> str:
    error, rank = (SHORT[key] for key in document["deciding"])
    return f"{error}: farther left is better. {rank}: farther right is better."


def _standings(document: Mapping[str, Any]) -> str:
    """The table: what decides and what it says of each rung first, since it may be cut."""
    deciding, unit = document["deciding"], document["target"]["unit"]
    further = [key for key in _keys(document) if key not in deciding]
    head: list[Content] = ["rung"]
    for key in deciding:
        head += [_heading(key, unit), f"on {SHORT[key]}"]
    head += [*(_heading(key, unit) for key in further), "time", "parameters"]
    rows: list[list[Content]] = []
    for one in document["rungs"]:
        name, parameters = escaped(one["name"]), one["parameters"]
        row: list[Content] = [Html(f"<b>{name}</b>" if one["judged"] else name)]
        for key in deciding:
            outcome = "judged" if one["judged"] else _outcome(one["against"][key])
            row += [_cell(one["metrics"][key]), outcome]
        row += [_cell(one["metrics"].get(key)) for key in further]
        row += ["–" if one["seconds"] is None else seconds(one["seconds"])]
        row += ["–" if parameters is None else f"{parameters:,}"]
        rows.append(row)
    return table(head, rows, "metrics")


def _heading(key: str, unit: str) -> Html:
    small = f" <small>{escaped(unit)}</small>" if unit and key in ("mae", "rmse") else ""
    return Html(f"{escaped(title(key))}{small}")


def _columns(document: Mapping[str, Any]) -> str:
    if document["target"].get("task") == "classification":
        return ""
    best = document["target"]["best"]
    if best is None:
        return "No recall: it was not declared whether low or high is best."
    return (
        f"top-k: the share of the k {best}est that stands among the k predicted {best}est, ties by "
        "expectation; enrichment: how many times more than blind choice finds. n/a: not defined."
    )


def title(key: str) -> str:
    """Return what a measure is called in a table: ``top-100``, ``enrichment 5%``."""
    if key.startswith("recall@"):
        return f"top-{key.removeprefix('recall@')}"
    return key.replace("@", " ") if key.startswith("enrichment@") else SHORT[key]


def _keys(document: Mapping[str, Any]) -> list[str]:
    if document["target"].get("task") == "classification":
        return list(_SHOWN_CLASSES)
    recalls = [
        f"{what}@{k}"
        for k in ("100", "5%")
        for what in ("recall", "enrichment")
        if any(one["metrics"][f"recall@{k}"]["value"] is not None for one in document["rungs"])
    ]
    return [*_SHOWN, *recalls]


def _cell(metric: Mapping[str, float | None] | None) -> Html:
    if metric is None or metric["value"] is None:
        return Html("n/a")
    value, low, high = metric["value"], metric["low"], metric["high"]
    if low is None or high is None:
        return Html(plain(value))
    said, below, above = to_interval(value, low, high)
    return Html(f'{said} <small class="interval">{below} to {above}</small>')


def _outcome(against: Mapping[str, Any]) -> Html:
    """Return what became of a rung, and the difference that says so."""
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
        for one in document["rungs"]:
            found = one["folds"][key]
            spread = found["deviation"]
            mean = plain(found["mean"]) + (f" ± {plain(spread, 2)}" if spread is not None else "")
            rows.append([one["name"], *(plain(value) for value in found["values"]), mean])
        parts.append(table([SHORT[key], *names, "mean ± deviation"], rows, "numbers"))
    return section("folds", "Fold by fold", parts)


def _missing(document: Mapping[str, Any]) -> str:
    rows = [[one["name"], one["level"], one["reason"]] for one in document["not_run"]]
    return section("missing", "Not run", [table(["rung", "level", "why"], rows)]) if rows else ""


def _described(document: Mapping[str, Any]) -> str:
    rows = [[one["name"], one["level"], one["description"]] for one in document["rungs"]]
    return section("rungs", "The rungs", [table(["rung", "level", "what"], rows)])


def _record(document: Mapping[str, Any]) -> str:
    record = document["record"]
    command = record["Repeat"]["command"]
    return section(
        "repeat",
        "How to repeat it",
        [
            paragraph("Run this again: what is there already is taken from the folder."),
            code(command),
            details("The record", code(render_card(record))),
        ],
    )


def _numbers(rungs: list[Any], key: str) -> Float[np.ndarray, "3 rungs"]:
    metrics = [one["metrics"][key] for one in rungs]
    return np.array(
        [
            [np.nan if m[end] is None else m[end] for m in metrics]
            for end in ("value", "low", "high")
        ]
    )


def _asset(name: str) -> str:
    return files("xtalgraph.evidence").joinpath("assets", name).read_text(encoding="utf-8")
