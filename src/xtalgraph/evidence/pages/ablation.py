"""The page of an ablation: which settings were trained, which was chosen, and what it shows."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Final

import numpy as np
from matplotlib.figure import Figure

from xtalgraph.conventions.files import write_atomically
from xtalgraph.evidence.numbers import plain
from xtalgraph.evidence.pages.frame import render_page
from xtalgraph.evidence.pages.markup import (
    Content,
    Html,
    escaped,
    figure,
    paragraph,
    section,
    table,
)
from xtalgraph.evidence.text.ablation import (
    SMOOTHING,
    errors_of_chosen,
    headline,
    in_words,
    measure_name,
    warnings,
)
from xtalgraph.plots.export import figure_to_svg, inline_svg, save_figure
from xtalgraph.plots.sweep import Curve, smoothing_plot, sweep_plot

_MEASURES: Final = ("mean average distance", "dirichlet energy", "effective rank")


def write_ablation_page(folder: Path, document: Mapping[str, Any]) -> Path:
    """Write ``ablate.html`` and its figures."""
    names = [target["name"] for target in document["targets"]]
    body = [
        *(_errors(folder, document, number) for number in range(len(names))),
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


def _errors(folder: Path, document: Mapping[str, Any], position: int) -> str:
    target = document["targets"][position]
    name, several = target["name"], len(document["targets"]) > 1
    measure = measure_name(target)
    unit = f", {target['unit']}" if target["unit"] else ""
    parts = []
    for number, (rest, rows) in enumerate(_grids(document).items()):
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
        path = folder / "figures" / f"errors-{position}-{number}"
        parts.append(_for_all_widths(drawn, path, f"errors against {keys[0]}", rest))
    heading = f"Errors of {name}" if several else "Errors"
    return section(f"errors-{position}", heading, [*parts, _settings_table(document, target)])


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
    first = {repr(value): n for n, value in enumerate(document["sweep"][keys[0]])}
    grids: dict[str, dict[str, list[Mapping[str, Any] | None]]] = {}
    for setting in document["settings"]:
        values = setting["settings"]
        rest = in_words({key: values[key] for key in keys[2:]})
        line = str(values[keys[1]]) if len(keys) > 1 else ""
        row = grids.setdefault(rest, {}).setdefault(line, [None] * len(first))
        row[first[repr(values[keys[0]])]] = setting
    return grids


def _curve(label: str, line: Sequence[Mapping[str, Any] | None], path: Sequence[str]) -> Curve:
    """A line of means; without a path that of the mean average distance after the last layer."""
    value, std = [], []
    for setting in line:
        error: Any = {"mean": None, "std": None}
        if setting is not None and setting["done"]:
            if path:
                error = setting
                for key in path:
                    error = error[key]
            elif setting["smoothing"]:
                error = {"mean": setting["smoothing"][-1]["mean average distance"], "std": None}
        value.append(error["mean"])
        std.append(error["std"])
    return Curve(label, np.array(value, dtype=float), np.array(std, dtype=float))


def _settings_table(document: Mapping[str, Any], target: Mapping[str, Any]) -> str:
    keys, measure = list(document["sweep"]), measure_name(target)
    measure += f", {target['unit']}" if target["unit"] else ""
    head: list[Content] = [*keys, "runs", f"validation {measure}", f"test {measure}", "parameters"]
    rows: list[list[Content]] = []
    for number, setting in enumerate(document["settings"]):
        errors = setting["targets"].get(target["name"], {})
        cells: list[Content] = [str(setting["settings"][key]) for key in keys]
        cells.append(f"{setting['done']} of {setting['runs']}")
        cells += [mean_and_std(errors.get(part)) for part in ("validation", "test")]
        cells.append(f"{setting['parameters']:,}" if setting["parameters"] else "")
        if number == document["chosen"]:
            cells = [Html(f"<b>{escaped(cell)}</b>") for cell in cells]
        rows.append(cells)
    note = "Mean ± standard deviation over folds and seeds, where there are several. "
    note += "Bold: the lowest validation error. The test part is not used for the choice."
    return table(head, rows, "numbers") + paragraph(note, "note")


def mean_and_std(error: Mapping[str, float | None] | None) -> str:
    """A mean with the standard deviation of its repetitions, where there are several."""
    if error is None or error["mean"] is None:
        return "n/a"
    if error["std"] is None:
        return plain(error["mean"])
    return f"{plain(error['mean'])} ± {plain(error['std'], 2)}"


def _smoothing(folder: Path, document: Mapping[str, Any]) -> str:
    keys = list(document["sweep"])
    parts = []
    for number, (rest, rows) in enumerate(_grids(document).items()):
        panels: dict[str, dict[str, dict[str, np.ndarray]]] = {}
        for line, settings in rows.items():
            group = f"{keys[1]} = {line}" if line else ""
            done = [setting for setting in settings if setting is not None and setting["smoothing"]]
            if done:
                panels[group] = {
                    measure: {
                        str(setting["settings"][keys[0]]): np.array(
                            [layer[measure] for layer in setting["smoothing"]], dtype=float
                        )
                        for setting in done
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
            parts.append(_for_all_widths(drawn, path, what, rest))
    return section("smoothing", "Layer by layer", [*parts, paragraph(SMOOTHING) if parts else ""])


def _points(document: Mapping[str, Any]) -> str:
    lines: list[dict[str, Content]] = []
    for point in document["points"]:
        link, done = f"points/{point['name']}/report.html", point["state"] == "done"
        lines.append(
            {key: str(value) for key, value in point["settings"].items()}
            | {
                "fold": "" if point["fold"] is None else str(point["fold"]),
                "seed": str(point["seed"]),
                "epochs": str(point.get("epochs", "")),
                "time, s": str(point.get("seconds", "")),
                "report": Html(f'<a href="{escaped(link)}">report</a>') if done else point["state"],
                "reason": point.get("reason", ""),
            }
        )
    head = [key for key in (lines[0] if lines else ()) if any(line[key] for line in lines)]
    rows = [[line[key] for key in head] for line in lines]
    return section("points", "Every run", [table(head, rows, "numbers")])
