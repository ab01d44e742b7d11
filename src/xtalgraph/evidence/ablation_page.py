"""The page of an ablation: which settings were trained, which was chosen, and what it shows."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Final

import numpy as np
from matplotlib.figure import Figure

from xtalgraph.conventions.files import write_atomically
from xtalgraph.evidence.markup import Content, Html, escaped, figure, paragraph, section, table
from xtalgraph.evidence.numbers import count, plain, with_unit
from xtalgraph.evidence.page import render_page
from xtalgraph.plots.export import figure_to_svg, inline_svg, save_figure
from xtalgraph.plots.sweep import Curve, smoothing_plot, sweep_plot

_MEASURES: Final = ("mean average distance", "dirichlet energy", "effective rank")
_READING: Final = (
    "Over-smoothing: with every layer the vectors of neighbouring atoms may become more alike, "
    "until a deeper network knows less than a shallow one. Mean average distance is the mean of "
    "1 − cos between neighbours, 0 where all point the same way; the Dirichlet energy is the sum "
    "of squared differences along the edges of a mean atom, and grows with the length of the "
    "vectors; the effective rank is the number of directions that the vectors use. Measured on "
    "crystals of the test part, in the trained models; their labels are not used."
)


def write_ablation_page(folder: Path, document: Mapping[str, Any]) -> Path:
    """Write ``ablate.html`` and its figures.

    Args:
        folder: Of the ablation.
        document: The content of its ``ablate.json``.

    Returns:
        The page.
    """
    names = [target["name"] for target in document["targets"]]
    body = [
        *(_errors(folder, document, place) for place in range(len(names))),
        _smoothing(folder, document),
        _points(document),
    ]
    page = render_page(
        title=f"Ablation on {', '.join(names)}",
        kicker=f"Ablation · {' × '.join(document['sweep'])}",
        headline=headline(document),
        lead=errors_of_chosen(document),
        warnings=warnings(document),
        body=body,
    )
    path = folder / "ablate.html"
    write_atomically(path, page)
    return path


def headline(document: Mapping[str, Any]) -> str:
    """Say which settings have the lowest validation error.

    Args:
        document: The content of ``ablate.json``.
    """
    if document["chosen"] is None:
        return "No setting is chosen: none has all its runs done with a validation error."
    best = document["settings"][document["chosen"]]
    return f"Lowest validation error: {said(best['settings'])}."


def errors_of_chosen(document: Mapping[str, Any]) -> list[str]:
    """Say the errors of the chosen settings, in a sentence for each target.

    Args:
        document: The content of ``ablate.json``.
    """
    if document["chosen"] is None:
        return []
    best = document["settings"][document["chosen"]]
    told = []
    for target in document["targets"]:
        errors = best["targets"][target["name"]]
        validation, test = (
            with_unit(plain(errors[part]["mean"]), target["unit"])
            for part in ("validation", "test")
        )
        measure = measure_name(target)
        of = f"{target['name']}: " if len(document["targets"]) > 1 else ""
        sentence = f"{of}validation {measure} {validation}, test {measure} {test}."
        told.append(f"{sentence[:1].upper()}{sentence[1:]}" if not of else sentence)
    return told


def warnings(document: Mapping[str, Any]) -> list[str]:
    """Say what limits the conclusions from the table.

    Args:
        document: The content of ``ablate.json``.
    """
    points, settings = document["points"], document["settings"]
    found = []
    failed = sum(point["state"] == "failed" for point in points)
    if failed:
        found.append(f"{count(failed, 'point')} of {len(points)} failed; the reasons are below.")
    if all(one["runs"] == 1 for one in settings):
        found.append(
            "Every setting was trained once: how much a repetition would differ is not known, so "
            "small differences may be chance. Repeat with --seed 0,1,2 or over folds."
        )
    chosen = document["chosen"]
    if chosen is not None:
        best = settings[chosen]["validation error"]
        near = [
            said(one["settings"])
            for place, one in enumerate(settings)
            if place != chosen
            and best["std"] is not None
            and one["validation error"]["mean"] is not None
            and one["validation error"]["mean"] - best["mean"] < best["std"]
        ]
        if near:
            found.append(
                "Within one standard deviation of the best over its repetitions: "
                f"{'; '.join(near[:4])}{'; ...' if len(near) > 4 else ''}."
            )
    return found


def said(settings: Mapping[str, Any]) -> str:
    """Settings as a sentence tells them: ``model.depth = 3, graph.cutoff = 6``."""
    return ", ".join(f"{key} = {value}" for key, value in settings.items())


def measure_name(target: Mapping[str, Any]) -> str:
    """The error of a target: MAE, or the log loss of a class."""
    return "log loss" if target.get("task") == "classification" else "MAE"


def _errors(folder: Path, document: Mapping[str, Any], place: int) -> str:
    target = document["targets"][place]
    name, several = target["name"], len(document["targets"]) > 1
    measure = measure_name(target)
    unit = f", {target['unit']}" if target["unit"] else ""
    parts = []
    for number, (beside, rows) in enumerate(_grids(document).items()):
        panels = {
            f"{part} {measure}{unit}": [
                _curve(label, line, ("targets", name, part)) for label, line in rows.items()
            ]
            for part in ("validation", "test")
        }
        panels["mean average distance, last layer"] = [
            _curve(label, line, ()) for label, line in rows.items()
        ]
        keys = list(document["sweep"])
        drawn = {
            stacked: sweep_plot(
                [str(value) for value in document["sweep"][keys[0]]],
                panels,
                setting=keys[0],
                lines=keys[1] if len(keys) > 1 else "",
                stacked=stacked,
            )
            for stacked in (False, True)
        }
        path = folder / "figures" / f"errors-{place}-{number}"
        parts.append(_for_all_widths(drawn, path, f"errors against {keys[0]}", beside))
    heading = f"Errors of {name}" if several else "Errors"
    return section(f"errors-{place}", heading, [*parts, _settings_table(document, target)])


def _for_all_widths(
    drawn: Mapping[bool, Figure], path: Path, description: str, caption: str
) -> str:
    """A figure with its panels beside each other and, on narrow screens, below each other."""
    wide = inline_svg(
        save_figure(drawn[False], path).read_text(encoding="utf-8"), path.name, description
    )
    narrow = inline_svg(figure_to_svg(drawn[True]), f"{path.name}-stacked", description)
    both = [
        svg.replace("<svg ", f'<svg class="{kind}" ', 1)
        for kind, svg in (("wide", wide), ("narrow", narrow))
    ]
    return figure(Html("".join(both)), caption)


def _grids(document: Mapping[str, Any]) -> dict[str, dict[str, list[Mapping[str, Any] | None]]]:
    """Arrange the settings: what the third and later keys say, the second key, the first key."""
    keys = list(document["sweep"])
    first = {_key(value): n for n, value in enumerate(document["sweep"][keys[0]])}
    grids: dict[str, dict[str, list[Mapping[str, Any] | None]]] = {}
    for one in document["settings"]:
        values = one["settings"]
        beside = said({key: values[key] for key in keys[2:]})
        line = str(values[keys[1]]) if len(keys) > 1 else ""
        row = grids.setdefault(beside, {}).setdefault(line, [None] * len(first))
        row[first[_key(values[keys[0]])]] = one
    return grids


def _key(value: Any) -> str:
    return repr(value)


def _curve(label: str, line: Sequence[Mapping[str, Any] | None], path: Sequence[str]) -> Curve:
    """A line of means; without a path that of the mean average distance after the last layer."""
    value, std = [], []
    for one in line:
        found: Any = {"mean": None, "std": None}
        if one is not None and one["done"]:
            if path:
                found = one
                for key in path:
                    found = found[key]
            elif one["smoothing"]:
                found = {"mean": one["smoothing"][-1]["mean average distance"], "std": None}
        value.append(np.nan if found["mean"] is None else found["mean"])
        std.append(np.nan if found["std"] is None else found["std"])
    return Curve(label, np.array(value, dtype=float), np.array(std, dtype=float))


def _settings_table(document: Mapping[str, Any], target: Mapping[str, Any]) -> str:
    keys, measure = list(document["sweep"]), measure_name(target)
    head: list[Content] = [*keys, "runs", f"validation {measure}", f"test {measure}", "parameters"]
    rows: list[list[Content]] = []
    for place, one in enumerate(document["settings"]):
        errors = one["targets"].get(target["name"], {})
        cells: list[Content] = [str(one["settings"][key]) for key in keys]
        cells.append(f"{one['done']} of {one['runs']}")
        cells += [mean_and_std(errors.get(part)) for part in ("validation", "test")]
        cells.append(f"{one['parameters']:,}" if one["parameters"] else "")
        if place == document["chosen"]:
            cells = [Html(f"<b>{escaped(cell)}</b>") for cell in cells]
        rows.append(cells)
    note = "Mean ± standard deviation over folds and seeds, where there are several. "
    note += "In bold what the validation part chose; the test part chooses nothing."
    return table(head, rows, "numbers") + paragraph(note, "note")


def mean_and_std(found: Mapping[str, float | None] | None) -> str:
    """A mean with the standard deviation of its repetitions, where there are several."""
    if found is None or found["mean"] is None:
        return "n/a"
    if found["std"] is None:
        return plain(found["mean"])
    return f"{plain(found['mean'])} ± {plain(found['std'], 2)}"


def _smoothing(folder: Path, document: Mapping[str, Any]) -> str:
    keys = list(document["sweep"])
    parts = []
    for number, (beside, rows) in enumerate(_grids(document).items()):
        panels: dict[str, dict[str, dict[str, np.ndarray]]] = {}
        for line, settings in rows.items():
            group = f"{keys[1]} = {line}" if line else ""
            done = [one for one in settings if one is not None and one["smoothing"]]
            if done:
                panels[group] = {
                    measure: {
                        str(one["settings"][keys[0]]): np.array(
                            [layer[measure] for layer in one["smoothing"]], dtype=float
                        )
                        for one in done
                    }
                    for measure in _MEASURES
                }
        if panels:
            drawn = {
                stacked: smoothing_plot(panels, lines=keys[0], stacked=stacked)
                for stacked in (False, True)
            }
            path = folder / "figures" / f"smoothing-{number}"
            what = "over-smoothing layer by layer"
            parts.append(_for_all_widths(drawn, path, what, beside))
    return section("smoothing", "Layer by layer", [*parts, paragraph(_READING) if parts else ""])


def _points(document: Mapping[str, Any]) -> str:
    keys = list(document["sweep"])
    head: list[Content] = [*keys, "fold", "seed", "epochs", "time, s", "report", "reason"]
    rows: list[list[Content]] = []
    for point in document["points"]:
        link = f"points/{point['name']}/report.html"
        done = point["state"] == "done"
        rows.append(
            [
                *(str(point["settings"][key]) for key in keys),
                "" if point["fold"] is None else str(point["fold"]),
                str(point["seed"]),
                str(point.get("epochs", "")),
                str(point.get("seconds", "")),
                Html(f'<a href="{escaped(link)}">report</a>') if done else point["state"],
                point.get("reason", ""),
            ]
        )
    return section("points", "Every run", [table(head, rows, "numbers")])
