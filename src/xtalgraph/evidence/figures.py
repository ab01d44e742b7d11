"""The figures of a report: drawn once, kept as files, handed over for the page."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from matplotlib.figure import Figure

from xtalgraph.conventions.errors import RunError, XtalgraphError
from xtalgraph.evidence import wording
from xtalgraph.evidence.markup import Html
from xtalgraph.evidence.run_record import RunRecord
from xtalgraph.plots.bonded_crystal import BondedCrystal
from xtalgraph.plots.comparison import comparison_plot
from xtalgraph.plots.crystal_still import crystal_still
from xtalgraph.plots.export import inline_svg, save_figure
from xtalgraph.plots.learning import learning_curve
from xtalgraph.plots.parity import parity_plot
from xtalgraph.plots.residuals import residual_plot

PICTURES = 6
"""How many of the worst crystals are drawn; the table lists them all."""
MOST_ATOMS = 400
"""A crystal with more atoms than this is listed and not drawn."""


@dataclass(frozen=True)
class ReportFigures:
    """Each figure as an SVG element."""

    parity: Html
    """Predictions over targets."""
    residuals: Html
    """Errors over targets."""
    comparison: Html
    """Errors of the model and the baselines."""
    learning: Html | None
    """Loss and validation error over the epochs; None where no log is."""
    worst: list[Html]
    """Crystals with the worst errors, the first of the list."""


def draw_figures(record: RunRecord) -> ReportFigures:
    """Draw the figures and write them into ``figures/`` of the run as SVG and PNG.

    Args:
        record: The run.

    Returns:
        The figures for the page.
    """
    folder = record.folder / "figures"
    common = {"name": record.target, "unit": record.unit}
    test = record.test_rows()
    names = [record.model, *(name for name in record.models if name != record.model)]
    errors = [record.estimate(name, "mae") for name in names]

    def numbers(which: str) -> np.ndarray:
        return np.array(
            [getattr(e, which) if getattr(e, which) is not None else np.nan for e in errors]
        )

    parity = parity_plot(record.targets, record.predictions, record.split, **common)
    residuals = residual_plot(record.targets[test], record.predictions[test], **common)
    comparison = comparison_plot(
        [wording.called(name) for name in names],
        numbers("value"),
        numbers("low"),
        numbers("high"),
        model=wording.called(record.model),
        unit=record.unit,
    )
    learning = None
    if record.log is not None and "epoch" in record.log:
        epochs = record.log["epoch"]
        absent = np.full(len(epochs), np.nan)
        losses, maes = (record.log.get(key, absent) for key in ("train_loss", "val_mae"))
        curve = learning_curve(epochs, losses, maes, unit=record.unit)
        learning = _kept(curve, folder / "learning", "Loss and validation error over the epochs")
    worst = []
    for place, entry in enumerate(record.worst[:PICTURES], start=1):
        if len(entry["numbers"]) > MOST_ATOMS:
            break
        description = f"Crystal structure of {entry['formula']}"
        worst.append(_kept(_still(entry, record.folder), folder / f"worst-{place}", description))
    return ReportFigures(
        parity=_kept(parity, folder / "parity", f"Predicted {record.target} over its target"),
        residuals=_kept(residuals, folder / "residuals", "Test errors over the target"),
        comparison=_kept(comparison, folder / "comparison", "Errors of model and baselines"),
        learning=learning,
        worst=worst,
    )


def _still(entry: dict[str, Any], run: Path) -> Figure:
    bonds = np.array(entry["bonds"], dtype=np.int64).reshape(-1, 5)
    try:
        crystal = BondedCrystal(
            cell=np.array(entry["cell"], dtype=float).reshape(3, 3),
            positions=np.array(entry["positions"], dtype=float).reshape(-1, 3),
            numbers=np.array(entry["numbers"], dtype=np.int64),
            pbc=np.array(entry["pbc"], dtype=bool),
            center=bonds[:, 0],
            neighbor=bonds[:, 1],
            image=bonds[:, 2:],
        )
        return crystal_still(crystal, size=2.8)
    except XtalgraphError as error:
        raise RunError(f"{run / 'worst.json'}, crystal {entry['id']}: {error}") from error


def _kept(figure: Figure, path: Path, description: str) -> Html:
    svg = save_figure(figure, path).read_text(encoding="utf-8")
    return Html(inline_svg(svg, path.name, description))
