"""The figures of the diagnostics, drawn from their numbers."""

from dataclasses import dataclass
from typing import TypeAlias

import numpy as np
from matplotlib.figure import Figure

from xtalgraph.conventions.elements import ATOMIC_NUMBERS
from xtalgraph.evidence.bonded_crystal import from_plain
from xtalgraph.evidence.diagnostics.cutoffs import CutoffChange, CutoffPath
from xtalgraph.evidence.diagnostics.depth import Reach, Smoothing
from xtalgraph.evidence.diagnostics.errors import FEWEST, ErrorGroups
from xtalgraph.evidence.diagnostics.labels import Duplicates, ShiftedLabels, SortedTarget
from xtalgraph.evidence.diagnostics.result import DiagnosticResult, Quantity
from xtalgraph.evidence.diagnostics.shortcuts import ChangedCrystals, Retrained, SizeAlone
from xtalgraph.evidence.diagnostics.volume import VolumeSweep
from xtalgraph.evidence.diagnostics.worst import WorstErrors
from xtalgraph.evidence.numbers import count, plain
from xtalgraph.plots.bars import bar_plot
from xtalgraph.plots.crystal_snapshot import crystal_snapshot
from xtalgraph.plots.curves import Curve, curves_plot
from xtalgraph.plots.element_errors import element_errors_plot
from xtalgraph.plots.parity import before_after_plot
from xtalgraph.plots.style import quantity as axis_label


@dataclass(frozen=True, eq=False)
class Drawing:
    """A figure with its caption."""

    name: str
    """Of its files, without suffix."""
    caption: str
    """What it shows, for all readers."""
    figure: Figure
    small: bool = False
    """Whether it stands in a row of small ones."""


Drawn: TypeAlias = list[Drawing]
"""The figures of a diagnostic."""


def shifted_labels(numbers: ShiftedLabels, result: DiagnosticResult, quantity: Quantity) -> Drawn:
    """Draw one bar for each shift."""
    unmoved = list(numbers.shifts).index(0)
    names = [
        f"labels {count(abs(n), 'row')} {'below' if n > 0 else 'above'}" for n in numbers.shifts
    ]
    names[unmoved] = "labels as in the file"
    limit = numbers.spearman[unmoved] + numbers.chance
    figure = bar_plot(
        names,
        np.array(numbers.spearman, dtype=float),
        label="Spearman's ρ, cross-validated trees",
        of_model=np.arange(len(names)) == unmoved,
        line=limit if limit < 1 else None,
        line_says="alarm" if limit < 1 else "",
    )
    caption = "Rank correlation of simple predictions and labels of neighbouring rows."
    return [Drawing(result.name, caption, figure)]


def sorted_target(numbers: SortedTarget, result: DiagnosticResult, quantity: Quantity) -> Drawn:
    """Draw the target over the rows."""
    rows, labels = (np.array(column, dtype=float) for column in (numbers.rows, numbers.labels))
    figure = curves_plot(
        [[Curve(rows, labels, "", "model")]],
        xlabel="row of the file",
        ylabel=axis_label(quantity.name, quantity.label_unit),
    )
    return [Drawing(result.name, "Target over the row of the file.", figure)]


def duplicates(numbers: Duplicates, result: DiagnosticResult, quantity: Quantity) -> Drawn:
    """Draw the errors on copies and on the others, where there are both."""
    if numbers.mae_copies is None or numbers.mae_others is None:
        return []
    figure = bar_plot(
        ["copies of training crystals", "all others"],
        np.array([numbers.mae_copies, numbers.mae_others]),
        label=axis_label("test MAE", quantity.unit),
        of_model=np.array([True, False]),
    )
    return [Drawing(result.name, "Error on copies and on all other test crystals.", figure)]


def size_alone(numbers: SizeAlone, result: DiagnosticResult, quantity: Quantity) -> Drawn:
    """Draw R² of the model and of the size."""
    if numbers.constant:
        return []
    several = numbers.sizes > 1
    figure = bar_plot(
        ["the model", *numbers.features],
        np.array([numbers.r2_model, *numbers.r2], dtype=float),
        label="R² on the test part",
        of_model=np.arange(1 + len(numbers.features)) == 0,
        line=result.threshold if several else None,
        line_says="alarm" if several else "",
    )
    caption = "R² of the model, and of trees that know only the size of the cell."
    return [Drawing(result.name, caption, figure)]


def changed(
    numbers: ChangedCrystals, result: DiagnosticResult, quantity: Quantity, *, change: str
) -> Drawn:
    """Draw the predictions before and after a change, which is named."""
    target, before, after = (
        np.array(column, dtype=float) for column in (numbers.target, numbers.before, numbers.after)
    )
    first, second = (plain(score) for score in numbers.r2)
    figure = before_after_plot(
        target,
        before,
        after,
        titles=(f"unchanged: R² {first}", f"{change}: R² {second}"),
        name=quantity.name,
        unit=quantity.unit,
    )
    caption = f"Predictions over targets: crystals unchanged, and with {change}."
    return [Drawing(result.name, caption, figure)]


def retrained(numbers: Retrained, result: DiagnosticResult, quantity: Quantity) -> Drawn:
    """Draw R² of the model and of the two halves."""
    figure = bar_plot(
        ["the model", f"geometry only ({numbers.element})", "composition only"],
        np.array(numbers.r2, dtype=float),
        label="R² on the test part",
        of_model=np.array([True, False, False]),
        line=result.threshold,
        line_says="alarm",
    )
    caption = "R² of the model, and of models that see only geometry or only composition."
    return [Drawing(result.name, caption, figure)]


def volume_sweep(numbers: VolumeSweep, result: DiagnosticResult, quantity: Quantity) -> Drawn:
    """Draw one panel for each crystal."""
    volume = np.array(numbers.volume, dtype=float)
    panels = []
    for number, predicted in enumerate(numbers.predicted):
        curves = [Curve(volume, np.array(predicted, dtype=float), "model", "model", dots=True)]
        if numbers.truth is not None:
            truth = np.array(numbers.truth[number], dtype=float)
            curves.append(Curve(volume, truth, "truth", "truth"))
        panels.append(curves)
    figure = curves_plot(
        panels,
        xlabel="change of volume, %",
        ylabel=axis_label(f"change of {quantity.name}", quantity.unit),
        titles=numbers.formulas,
        vertical=0.0,
    )
    truth_too = "" if numbers.truth is None else ", and the true change"
    caption = f"Predicted change over the change of volume{truth_too}."
    return [Drawing(result.name, caption, figure)]


def cutoff_path(numbers: CutoffPath, result: DiagnosticResult, quantity: Quantity) -> Drawn:
    """Draw one panel for each crystal, with a gap at r_c so that a jump is no slope."""
    half = len(numbers.distance) // 2
    distance = np.insert(np.array(numbers.distance, dtype=float), half, 0.0)
    other = "without an envelope" if numbers.envelope != "none" else "with a cosine envelope"
    trained = f"as trained, envelope {numbers.envelope or 'of the model'}"
    panels = []
    for number, predicted in enumerate(numbers.predicted):
        lines = [(predicted, trained, "model")]
        lines += [(numbers.other[number], f"the same {other}", "other")] if numbers.other else []
        panels.append(
            [
                Curve(distance, np.insert(np.array(y, dtype=float), half, np.nan), label, role)
                for y, label, role in lines
            ]
        )
    figure = curves_plot(
        panels,
        xlabel="distance of a shell of neighbours less the cutoff, Å",
        ylabel=axis_label(quantity.name, quantity.unit),
        titles=numbers.formulas,
        vertical=0.0,
    )
    shifted = "; the other envelope is shifted to the same start" if numbers.other else ""
    caption = f"Prediction while neighbours cross the cutoff{shifted}."
    return [Drawing(result.name, caption, figure)]


def cutoff_change(numbers: CutoffChange, result: DiagnosticResult, quantity: Quantity) -> Drawn:
    """Draw the change of the predictions over that of the cutoff."""
    changes = np.array(numbers.changes)
    relative = np.array(numbers.moved, dtype=float) / numbers.mae
    error = np.ones(len(changes))
    figure = curves_plot(
        [
            [
                Curve(changes, relative, "change of predictions", "model", dots=True),
                Curve(changes, error, "error of the model", "truth"),
            ]
        ],
        xlabel=f"change of the cutoff of {numbers.cutoff:g} Å, Å",
        ylabel="in test MAE",
    )
    caption = "Mean change of the predictions with the cutoff of their graphs."
    return [Drawing(result.name, caption, figure)]


def smoothing(numbers: Smoothing, result: DiagnosticResult, quantity: Quantity) -> Drawn:
    """Draw distance and rank over the layers."""
    layers = np.arange(len(numbers.layers), dtype=float)
    distances, ranks = (
        np.array([layer[key] for layer in numbers.layers], dtype=float)
        for key in ("mean average distance", "effective rank")
    )
    figure = curves_plot(
        [
            [Curve(layers, distances, "", "model", dots=True)],
            [Curve(layers, ranks, "", "other", dots=True)],
        ],
        xlabel="layers",
        ylabel="",
        titles=["distance of neighbours, 1 − cos", "effective rank"],
    )
    caption = "Mean cosine distance of neighbouring atoms, and effective rank of the features."
    return [Drawing(result.name, caption, figure)]


def reach(numbers: Reach, result: DiagnosticResult, quantity: Quantity) -> Drawn:
    """Draw the sensitivity over the hops."""
    share = 100.0 * np.array(numbers.by_hop, dtype=float)
    figure = curves_plot(
        [[Curve(np.arange(len(share), dtype=float), share, "", "model", dots=True)]],
        xlabel="edges from the atom",
        ylabel="share of the sensitivity, %",
    )
    caption = "Sensitivity of the features of an atom to the atoms around it."
    return [Drawing(result.name, caption, figure)]


def error_groups(numbers: ErrorGroups, result: DiagnosticResult, quantity: Quantity) -> Drawn:
    """Draw the periodic table, and bars for each kind of group."""
    ratio, counts = np.full(119, np.nan), np.zeros(119, dtype=np.int64)
    for symbol, group in numbers.elements.items():
        ratio[ATOMIC_NUMBERS[symbol]] = group["ratio"]
        counts[ATOMIC_NUMBERS[symbol]] = group["crystals"]
    caption = (
        "Mean error of the test crystals that contain an element, relative to the mean of all, and "
        f"their number. Elements in fewer than {FEWEST} crystals are pale."
    )
    table = element_errors_plot(ratio, counts, fewest=FEWEST)
    drawn = [Drawing(f"{result.name}-element", caption, table)]
    for kind, groups in numbers.groups.items():
        if len(groups) < 2:
            continue
        figure = bar_plot(
            [f"{name} ({group['crystals']})" for name, group in groups.items()],
            np.array([group["mae"] for group in groups.values()], dtype=float),
            label=axis_label("test MAE", quantity.unit),
            of_model=np.ones(len(groups), dtype=bool),
            line=numbers.mae,
            line_says="all",
        )
        caption = f"Mean error by {kind}, and number of crystals."
        drawn.append(Drawing(f"{result.name}-{kind}", caption, figure))
    return drawn


def worst_errors(numbers: WorstErrors, result: DiagnosticResult, quantity: Quantity) -> Drawn:
    """Draw the first crystals."""
    return [
        Drawing(
            f"{result.name}-{number}",
            f"{case['formula']}, {case['id']}: {case['cause']}",
            crystal_snapshot(from_plain(case["structure"]), size=2.8),
            small=True,
        )
        for number, case in enumerate(numbers.cases, start=1)
        if "structure" in case
    ]
