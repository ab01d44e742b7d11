"""The figures of the diagnostics of potentials, drawn from their numbers."""

from collections.abc import Mapping

import numpy as np
from matplotlib.figure import Figure

from xtalgraph.evidence.bonded_crystal import from_plain
from xtalgraph.evidence.diagnostics.drawings import Drawing, Drawn
from xtalgraph.evidence.diagnostics.energy_volume import EnergyVolume
from xtalgraph.evidence.diagnostics.force_errors import Committee, ForceErrors, Group, WorstFrames
from xtalgraph.evidence.diagnostics.force_path import ForcePath
from xtalgraph.evidence.diagnostics.result import DiagnosticResult, Number, Quantity
from xtalgraph.plots.bars import bar_plot
from xtalgraph.plots.crystal_snapshot import crystal_snapshot
from xtalgraph.plots.curves import Curve, curves_plot
from xtalgraph.plots.uncertainty import error_std_plot

_NAMES = {"polynomial": "polynomial envelope", "cosine": "cosine", "none": "hard cutoff"}
_ROLES = {"polynomial": "model", "cosine": "truth", "none": "other"}


def force_errors(numbers: ForceErrors, result: DiagnosticResult, quantity: Quantity) -> Drawn:
    """Draw bars for each kind of group."""
    drawn = []
    for kind, title, groups in (
        ("element", "element", numbers.elements),
        ("group", "configuration group", numbers.groups),
        ("size", "size of the force in eV/Å", numbers.sizes),
    ):
        if len(groups) < 2:
            continue
        caption = f"Mean error of the components of forces by {title}, and number of atoms."
        bars = _bars(groups, "mae", "atoms", "force MAE, meV/Å", numbers.all["mae"])
        drawn.append(Drawing(f"{result.name}-{kind}", caption, bars))
        if kind == "group":
            caption = f"Mean error of energies by {title}, and number of frames."
            bars = _bars(groups, "energy", "frames", "energy MAE, meV/atom", numbers.all["energy"])
            drawn.append(Drawing(f"{result.name}-energy", caption, bars))
        if kind == "size":
            share = {
                name: {**group, "share": (group["rmse"] or 0.0) / (group["size"] or 1.0)}
                for name, group in groups.items()
            }
            caption = f"Error over the force itself, in root mean squares, by {title}."
            bars = _bars(share, "share", "atoms", "relative error, %", None, 100.0)
            drawn.append(Drawing(f"{result.name}-relative", caption, bars))
    return drawn


def _bars(
    groups: Mapping[str, Group],
    key: str,
    counted: str,
    label: str,
    line: Number,
    factor: float = 1000.0,
) -> Figure:
    values = np.array([group[key] for group in groups.values()], dtype=float) * factor
    return bar_plot(
        [f"{name} ({int(group[counted] or 0):,})" for name, group in groups.items()],
        values,
        label=label,
        of_model=np.ones(len(groups), dtype=bool),
        line=None if line is None else factor * line,
        line_says="" if line is None else "all",
    )


def worst_frames(numbers: WorstFrames, result: DiagnosticResult, quantity: Quantity) -> Drawn:
    """Draw the first frames, with the errors of their forces."""
    return [
        Drawing(
            f"{result.name}-{number}",
            f"{case['formula']}, {case['id']}{', ' if case['group'] else ''}{case['group']}",
            crystal_snapshot(
                from_plain(case["structure"]),
                size=2.8,
                vectors=np.array(case["vectors"], dtype=float),
                vector_name="error, eV/Å",
            ),
            small=True,
        )
        for number, case in enumerate(numbers.cases, start=1)
        if "structure" in case
    ]


def committee(numbers: Committee, result: DiagnosticResult, quantity: Quantity) -> Drawn:
    """Draw errors over standard deviations."""
    figure = error_std_plot(np.array(numbers.std), np.array(numbers.error), unit="eV/Å")
    caption = (
        "Errors of force components over the standard deviation of the members, in bins; on the "
        "dashed line they are equal."
    )
    return [Drawing(result.name, caption, figure)]


def force_path(numbers: ForcePath, result: DiagnosticResult, quantity: Quantity) -> Drawn:
    """Draw force and energy along the path, with a gap at r_c so that a jump is no slope."""
    half = len(numbers.distance) // 2
    distance = np.insert(np.array(numbers.distance, dtype=float), half, 0.0)
    panels = []
    smooth = [name for name in numbers.envelopes if name != "none"]
    for values, shown in (
        (numbers.force, numbers.envelopes),
        (numbers.force, smooth),
        (numbers.energy, numbers.envelopes),
        (numbers.energy, smooth),
    ):
        curves = [
            Curve(
                distance,
                np.insert(1000.0 * np.array(values[number], dtype=float), half, np.nan),
                f"{_NAMES.get(name, name)}{', as trained' if number == 0 else ''}",
                _ROLES.get(name, "model") if number else "model",
            )
            for number, name in enumerate(numbers.envelopes)
            if name in shown
        ]
        panels.append(curves)
    figure = curves_plot(
        panels,
        xlabel="distance of the two atoms less the cutoff, Å",
        ylabel="change from the start",
        titles=[
            "force, meV/Å",
            "without the hard cutoff",
            "energy, meV",
            "without the hard cutoff",
        ],
        vertical=0.0,
    )
    caption = "Force on an atom, and energy of the cell, while another atom crosses its cutoff."
    return [Drawing(result.name, caption, figure)]


def energy_volume(numbers: EnergyVolume, result: DiagnosticResult, quantity: Quantity) -> Drawn:
    """Draw one panel for each crystal."""
    panels = []
    for case in numbers.cases:
        curve, strained, other = (
            (np.array(case[f"{which}volume"], float), np.array(case[f"{which}energy"], float))
            for which in ("", "strained_", "other_")
        )
        inside = (other[0] > curve[0].min()) & (other[0] < curve[0].max())
        panels.append(
            [
                Curve(other[0][inside], other[1][inside], "other frames", "beside", True, False),
                Curve(*curve, "model", "model"),
                Curve(*strained, "strained copies", "truth", True, False),
            ]
        )
    figure = curves_plot(
        panels,
        xlabel="volume, Å³/atom",
        ylabel="energy above the label of the crystal, eV/atom",
        titles=[f"{case['formula']}, {case['id']}" for case in numbers.cases],
        shared=False,
    )
    caption = "Energy of the model over the volume, and labels of the frames in training."
    return [Drawing(result.name, caption, figure)]
