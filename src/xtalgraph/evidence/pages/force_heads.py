"""The page of exercise 5: what forces break that are no derivative of an energy."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

import numpy as np

from xtalgraph.conventions.files import write_atomically
from xtalgraph.evidence.pages.frame import render_page
from xtalgraph.evidence.pages.markup import Html, figure, section, table
from xtalgraph.plots.export import figure_to_svg, inline_svg
from xtalgraph.plots.force_heads import force_heads_plot

_VIOLATIONS: Final = {
    "rotation": "rotation error",
    "net": "sum of forces",
    "asymmetry": "asymmetry λ",
}


def write_force_heads_page(folder: Path, document: Mapping[str, Any]) -> Path:
    """Write ``exercise-5.html``."""
    heads = document["heads"]
    columns = {
        key: np.array([head[key] for head in heads]) for key in ("force_error", *_VIOLATIONS)
    }
    drawn = force_heads_plot(
        [head["head"] for head in heads],
        columns["force_error"],
        {title: columns[key] for key, title in _VIOLATIONS.items()},
        [(np.array(head["time"]), 1e3 * np.array(head["total"])) for head in heads],
    )
    caption = (
        "Above: the force error on test frames, and three numbers that are zero, to rounding, of "
        "forces that are the gradient of an invariant energy: ‖F(Rx) − R F(x)‖ / ‖F(x)‖, "
        "‖Σ F‖ / Σ ‖F‖, and λ = ‖J − Jᵀ‖ / 2‖J‖ of the Jacobian of the forces. Below, in the "
        f"same colours: by how much the total energy of {document['crystal']} changes in molecular "
        "dynamics that should keep it, in steps of 1 fs."
    )
    picture = Html(inline_svg(figure_to_svg(drawn), "force-heads", caption))
    cells = [
        (
            head["head"],
            str(head["parameters"]),
            f"{head['seconds']:.1f}",
            f"{1e3 * head['energy_error']:.1f}",
            f"{head['force_error']:.3f}",
            *(f"{head[key]:.1e}" for key in _VIOLATIONS),
            f"{head['drift']:.1e}",
            head["stopped"],
        )
        for head in heads
    ]
    names = ("forces", "parameters", "training, s", "energy MAE, meV/atom", "force MAE, eV/Å")
    last = ("drift, eV/atom/ps", "stopped")
    page = render_page(
        title="Forces that are no derivative",
        kicker="Exercise 5",
        headline=_headline(heads),
        lead=[about_frames(document)],
        body=[
            section("picture", "Errors, and what is broken", [figure(picture, caption)]),
            section("numbers", "Numbers", [table((*names, *_VIOLATIONS.values(), *last), cells)]),
        ],
    )
    path = folder / "exercise-5.html"
    write_atomically(path, page)
    return path


def about_frames(document: Mapping[str, Any]) -> str:
    """Say on how many frames the forces are learned and tested, and of what."""
    frames, source = document["frames"], document["source"] or "the embedded rigid-ion set"
    return f"{frames['train']} frames to learn from, {frames['test']} to test on, of {source}"


def _headline(heads: list[Mapping[str, Any]]) -> str:
    right, *others = heads
    nearest = min(others, key=lambda head: float(head["force_error"]))
    return (
        f"Force MAE {right['force_error']:.3f} eV/Å of the gradient, {nearest['force_error']:.3f} "
        f"of “{nearest['head']}”; the total energy drifts by {abs(right['drift']):.0e} and "
        f"{abs(nearest['drift']):.0e} eV/atom/ps"
    )
