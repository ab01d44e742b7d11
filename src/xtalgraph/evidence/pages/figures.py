"""The figures of a report, and the points and crystals that a reader can point at."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any, Final

import numpy as np
from jaxtyping import Float, Int
from matplotlib.figure import Figure

from xtalgraph.conventions.documents import reading
from xtalgraph.conventions.elements import SYMBOLS
from xtalgraph.conventions.voigt import from_subscripts, subscripts
from xtalgraph.evidence.bonded_crystal import from_plain
from xtalgraph.evidence.pages.markup import Html, escaped
from xtalgraph.evidence.run_record import RunRecord
from xtalgraph.evidence.text.report import called
from xtalgraph.graphs.graph import Scope
from xtalgraph.metrics.calibration import calibration_curve, error_by_std, miscalibration_area
from xtalgraph.metrics.classification import confusion_counts, reliability, roc_points
from xtalgraph.metrics.measures import MEASURES
from xtalgraph.metrics.tensors import longitudinal, norms, varying
from xtalgraph.plots.atom_styles import covalent_radius, element_color
from xtalgraph.plots.bars import bar_plot
from xtalgraph.plots.classification import confusion_plot, reliability_plot, roc_plot
from xtalgraph.plots.crystal_drawing import draw_crystal
from xtalgraph.plots.crystal_snapshot import BALL_SHARE, crystal_snapshot
from xtalgraph.plots.export import inline_svg, save_figure
from xtalgraph.plots.learning import learning_curves
from xtalgraph.plots.parity import parity_plot
from xtalgraph.plots.residuals import residual_plot
from xtalgraph.plots.style import quantity
from xtalgraph.plots.tensor_surface import surface_plot
from xtalgraph.plots.uncertainty import calibration_plot, error_std_plot, interval_plot

PICTURES: Final = 6
"""How many of the worst crystals are drawn; the table lists them all."""
MOST_ATOMS: Final = 400
"""A crystal with more atoms than this is listed and not drawn."""
MOST_POINTS: Final = 5_000
"""Points of a page that can be pointed at; the picture has them all."""
_MOST_ATOMS_ON_CLICK: Final = 150
"""A crystal with more atoms than this is not drawn by the script of the page."""


@dataclass(frozen=True)
class TargetFigures:
    """The figures of one target, each as an SVG element."""

    errors: tuple[Html, ...]
    """Predictions over targets, and errors over targets; of a class the receiver operating
    characteristic, the reliability and the confusion matrix."""
    comparison: Html
    """Errors of the model and the baselines."""
    worst: list[Html]
    """Crystals with the worst errors, the first of the list."""
    uncertainty: list[tuple[Html, str]]
    """What the run says of its uncertainty, each with its caption; none where it says nothing."""


@dataclass(frozen=True)
class ReportFigures:
    """The figures of a report, each as an SVG element."""

    targets: list[TargetFigures]
    """What is shown of each target."""
    learning: Html | None
    """Loss and validation error over the epochs; None where no log is."""


def draw_figures(records: Sequence[RunRecord]) -> ReportFigures:
    """Draw the figures and write them into ``figures/`` of the run as SVG and PNG."""
    folder = records[0].folder / "figures"
    most = MOST_POINTS // len(records)
    with reading(records[0].folder / "metrics.json"):
        drawn = [_of_target(record, folder, most) for record in records]
    with reading(records[0].folder / "log.csv"):
        return ReportFigures(drawn, _learning(records, folder))


def _of_target(record: RunRecord, folder: Path, most: int) -> TargetFigures:
    if record.number is not None:  # a name may hold any character
        folder = folder / f"target-{record.number}"
    worst = []
    with reading(record.folder / "worst.json"):
        for number, entry in enumerate(record.worst[:PICTURES], start=1):
            if len(entry["numbers"]) > MOST_ATOMS:
                break
            with reading(f"{record.folder / 'worst.json'}, crystal {entry['id']}"):
                drawn = crystal_snapshot(from_plain(entry), size=2.8)
            description = f"Crystal structure of {entry['formula']}"
            worst.append(_kept(drawn, folder / f"worst-{number}", description))
    errors = (
        _of_class(record, folder) if record.target.is_class else _of_number(record, folder, most)
    )
    return TargetFigures(
        errors=errors,
        comparison=_comparison(record, folder),
        worst=worst,
        uncertainty=[
            (_kept(drawn, folder / name, caption), caption)
            for name, (drawn, caption) in _of_uncertainty(record).items()
        ],
    )


def _of_number(record: RunRecord, folder: Path, most: int) -> tuple[Html, ...]:
    common = {"name": record.target.name, "unit": record.target.unit}
    test = record.test_rows()
    parity = parity_plot(record.labels, record.predictions, record.split, **common)
    shown = _kept(parity, folder / "parity", f"Predicted {record.target.name} over its target")
    residuals = residual_plot(record.labels[test], record.predictions[test], **common)
    pictures = (
        _with_points(record, parity, shown, most),
        _kept(residuals, folder / "residuals", "Test errors over the target"),
    )
    surfaces = surfaces_of(record)
    if surfaces is None:
        return pictures
    return *pictures, _kept(surfaces, folder / "surfaces", "Surfaces of true and predicted tensors")


def _of_class(record: RunRecord, folder: Path) -> tuple[Html, ...]:
    test = record.test_rows()
    true, predicted = record.labels[test], record.predictions[test]
    positive = record.classes[1]
    roc = roc_plot(*roc_points(true, predicted), positive=positive)
    bins = reliability(true, predicted)
    observed = reliability_plot(
        bins.predicted, bins.seen, bins.low, bins.high, bins.count, positive=positive
    )
    confusion = confusion_plot(confusion_counts(true, predicted), list(record.classes))
    return (
        _kept(roc, folder / "roc", "Receiver operating characteristic"),
        _kept(observed, folder / "reliability", "Frequencies over predicted probabilities"),
        _kept(confusion, folder / "confusion", "Confusion matrix"),
    )


def _comparison(record: RunRecord, folder: Path) -> Html:
    names = [record.model, *(name for name in record.models if name != record.model)]
    errors = [record.estimate(name, record.measure) for name in names]
    value, *ends = (
        np.array([getattr(error, end) for error in errors], dtype=float)  # None becomes NaN
        for end in ("value", "low", "high")
    )
    comparison = bar_plot(
        [called(name) for name in names],
        value,
        label=quantity(f"test {MEASURES[record.measure].short}", record.error_unit),
        of_model=np.array([name == record.model for name in names]),
        ends=np.stack(ends),
    )
    return _kept(comparison, folder / "comparison", "Errors of model and baselines")


def _learning(records: Sequence[RunRecord], folder: Path) -> Html | None:
    record = records[0]
    if record.log is None or "epoch" not in record.log:
        return None
    epochs = record.log["epoch"]
    absent = np.full(len(epochs), np.nan)
    errors = learning_terms(records)
    if not errors:
        known = MEASURES.get(record.watched)
        measure = f"validation {known.short}" if known else "validation error, mean of targets"
        unit = record.target.unit if record.number is None else ""
        errors = {(measure, unit): record.log.get(f"val_{record.watched}", absent)}
    losses = record.log.get("train_loss", absent)
    curves = learning_curves(epochs, losses, errors, selected=record.selected)
    return _kept(curves, folder / "learning", "Loss and validation errors over the epochs")


def learning_terms(
    records: Sequence[RunRecord],
) -> dict[tuple[str, str], Float[np.ndarray, " epochs"]]:
    """Return the validation errors of a potential by target and unit; empty of everything else."""
    terms = {}
    for record in records:
        values = (record.log or {}).get(f"val_mae:{record.target.name} ({record.error_unit})")
        if record.units is not None and values is not None:
            terms[record.target.name, record.error_unit] = values
    return terms


def _kept(figure: Figure, path: Path, description: str) -> Html:
    svg = save_figure(figure, path).read_text(encoding="utf-8")
    return Html(inline_svg(svg, path.name, description))


def _of_uncertainty(record: RunRecord) -> dict[str, tuple[Figure, str]]:
    """Draw what the run has, by file name: intervals, errors by standard deviation, calibration."""
    drawn: dict[str, tuple[Figure, str]] = {}
    test = record.test_rows()
    true, predicted = record.labels[test], record.predictions[test]
    if "intervals" in record.uncertainty:
        lower, upper = record.beside["lower"][test], record.beside["upper"][test]
        common = {"name": record.target.name, "unit": record.target.unit}
        drawn["intervals"] = (
            interval_plot(true, predicted, lower, upper, **common),
            "Each test crystal with its interval, the narrowest first.",
        )
    if "std" in record.uncertainty:
        error, std = predicted - true, record.beside["std"][test]
        if record.declared.is_tensor:
            apart = varying(std.reshape(-1, len(subscripts(record.declared.tensor)))).ravel()
            error, std = error[apart], std[apart]
        binned = error_by_std(error, std)
        drawn["error-by-std"] = (
            error_std_plot(binned.std, binned.error, unit=record.target.unit),
            "Errors of crystals of similar standard deviation; on the line they are equal.",
        )
        area = miscalibration_area(error, std)
        drawn["calibration"] = (
            calibration_plot(*calibration_curve(error, std), area),
            "Share of crystals within multiples of the standard deviation: expected, observed.",
        )
    return drawn


def _with_points(record: RunRecord, drawn: Figure, picture: Html, most: int) -> Html:
    """A parity plot with what its points are; without JavaScript it is the picture alone."""
    shown = chosen_points(record, most)
    (axes,) = drawn.axes
    points = np.column_stack([record.labels[shown], record.predictions[shown]])
    size = np.array([drawn.bbox.width, drawn.bbox.height])
    across = axes.transData.transform(points.reshape(-1, 2)) / size
    with reading(record.folder / "structures.json"):
        kept = record.structures.get("formulas", {})
        formulas = {str(key): str(formula) for key, formula in kept.items()}
    formulas |= {str(entry["id"]): str(entry["formula"]) for entry in record.worst}
    rows = [
        [
            round(float(x), 4),
            round(1.0 - float(y), 4),
            record.ids[row],
            formulas.get(record.ids[row], ""),
            str(record.split[row]),
            float(f"{record.labels[row]:.6g}"),
            float(f"{record.predictions[row]:.6g}"),
        ]
        for (x, y), row in zip(across, shown.tolist(), strict=True)
    ]
    data = _attribute({"unit": record.target.unit, "rows": rows})
    return Html(f'<div class="parity" data-points="{data}">{picture.text}</div>')


def chosen_points(record: RunRecord, most: int) -> Int[np.ndarray, " points"]:
    """Return the rows whose points can be pointed at: the test part by error, then the others."""
    error = np.abs(record.predictions - record.labels)
    known = np.isfinite(error)
    test = np.flatnonzero(known & (record.split == "test"))
    test = test[np.argsort(-error[test], kind="stable")][:most]
    others = np.flatnonzero(known & (record.split != "test"))
    room = min(most - len(test), len(others))
    evenly = np.linspace(0, len(others) - 1, room).round().astype(np.int64)
    return np.concatenate([test, others[evenly]])


def structures(records: Sequence[RunRecord]) -> str:
    """Return the crystals that a click shows, as an element that no browser displays."""
    crystals: dict[str, Any] = {}
    entries = {"worst.json": [entry for record in records for entry in record.worst]}
    entries["structures.json"] = records[0].structures.get("crystals", [])
    for name, listed in entries.items():
        with reading(records[0].folder / name):
            for entry in listed:
                atoms, key = len(entry["numbers"]), str(entry["id"])
                if key not in crystals and atoms <= _MOST_ATOMS_ON_CLICK:
                    crystals[key] = _plain(entry)
    numbers = sorted({ball[3] for crystal in crystals.values() for ball in crystal["balls"]})
    elements = {
        z: [SYMBOLS[z], element_color(z), round(BALL_SHARE * covalent_radius(z), 3)]
        for z in numbers
    }
    document = {"crystals": crystals, "elements": elements}
    return f'<div id="structures" hidden data-structures="{_attribute(document)}"></div>'


def _plain(entry: Mapping[str, Any]) -> dict[str, Any]:
    drawing = draw_crystal(from_plain(entry))
    balls = zip(
        drawing.positions.round(2).tolist(),
        drawing.numbers.tolist(),
        drawing.is_image.astype(int).tolist(),
        strict=True,
    )
    return {
        "balls": [[*position, number, is_image] for position, number, is_image in balls],
        "sticks": drawing.sticks.tolist(),
        "edges": drawing.edges.round(2).tolist(),
    }


def _attribute(document: Any) -> str:
    return escaped(json.dumps(document, separators=(",", ":")))


SURFACES: Final = (
    "Test crystals with the median and with the largest error over the norm. The distance from the "
    "middle is the size of the value in that direction, of a stiffness Young's modulus of a rod."
)
"""The caption."""


def has_surfaces(record: RunRecord) -> bool:
    """Return whether a target has such a picture: a tensor of rank 2 or more of each crystal."""
    target = record.declared
    is_drawn = target.is_tensor and target.tensor.rank > 1 and target.scope is Scope.CRYSTAL
    return is_drawn and bool(record.test_rows().any())


def surfaces_of(record: RunRecord) -> Figure | None:
    """Draw the tensors of two test crystals; None where the target has no such picture."""
    if not has_surfaces(record):
        return None
    tensor, test = record.declared.tensor, record.test_rows()
    count = len(subscripts(tensor))
    true, predicted = (
        from_subscripts(tensor, lines[test].reshape(-1, count))
        for lines in (record.labels, record.predictions)
    )
    ids = np.array(record.ids)[test][::count]
    share = norms(predicted - true) / np.maximum(norms(true), 1e-12)
    ordered = np.argsort(share, kind="stable")
    chosen = dict.fromkeys([int(ordered[len(ordered) // 2]), int(ordered[-1])])
    name = "Young's modulus" if tensor.is_stiffness else record.target.name
    return surface_plot(
        [f"{ids[n]} ({100 * share[n]:.0f} %)" for n in chosen],
        [partial(longitudinal, tensor, true[n]) for n in chosen],
        [partial(longitudinal, tensor, predicted[n]) for n in chosen],
        name=name,
        unit=record.target.unit,
    )
