"""Pages of what a potential was used for: relaxations, constants, phonons, dynamics."""

from collections.abc import Callable, Mapping, Sequence
from operator import itemgetter
from pathlib import Path
from typing import Any, Final

import numpy as np
import pandas as pd
from jaxtyping import Float

from xtalgraph.conventions.files import write_atomically
from xtalgraph.evidence.numbers import count
from xtalgraph.evidence.pages.frame import render_page
from xtalgraph.evidence.pages.markup import Content, Html, columns, figure, paragraph, section
from xtalgraph.plots.curves import Curve, curves_plot
from xtalgraph.plots.export import figure_to_svg, inline_svg
from xtalgraph.plots.phonons import phonons_plot

Rows = Sequence[Mapping[str, str]]
"""Of a table, as it stands in the file."""
_DRAWN: Final = 12
"""Curves that a page shows."""
_Shown = Mapping[str, Callable[[Any], Content]]
"""By the head of a column what it shows of a row."""
_NAMED: Final[_Shown] = {"id": itemgetter("id"), "formula": itemgetter("formula")}


def _number(key: str, digits: int) -> Callable[[Any], Content]:
    """Return what shows a number of a row; nothing where there is none."""
    return lambda row: f"{float(row[key]):z.{digits}f}" if row[key] else ""


def write_relax_page(folder: Path, rows: Rows) -> Path:
    """Write ``relax.html``."""
    done = [row for row in rows if row["energy"]]
    converged = sum(row["converged"] == "True" for row in done)
    shown: _Shown = {
        **_NAMED,
        "start, eV/cell": _number("energy_start", 4),
        "end, eV/cell": _number("energy", 4),
        "volume": _change,
        "largest force, eV/Å": _number("force", 4),
        "steps": itemgetter("steps"),
        "converged": lambda row: "yes" if row["converged"] == "True" else row["error"],
    }
    body = [section("relaxed", "Crystals", [columns(shown, done)])]
    return _page(
        folder / "relax.html",
        "Relaxation",
        f"{converged} of {count(len(rows), 'crystal')} relaxed",
        [*body, _failures(rows)],
    )


def write_eos_page(folder: Path, rows: Rows) -> Path:
    """Write ``eos.html``."""
    done = [row for row in rows if row["energy"]]
    shown: _Shown = {
        **_NAMED,
        "volume of the cell, Å³": _number("volume", 2),
        "its energy, eV": _number("energy", 4),
        "bulk modulus, GPa": _number("bulk_modulus", 1),
        "largest misfit, meV/atom": _number("misfit", 3),
    }
    parts = [columns(shown, done)]
    if done:
        panels = [[_curve(row)] for row in done[:_DRAWN]]
        drawn = curves_plot(
            panels,
            xlabel="volume over that of the minimum",
            ylabel="energy above the minimum, eV",
            titles=[row["id"] for row in done[:_DRAWN]] if len(panels) > 1 else (),
            vertical=1.0,
        )
        picture = inline_svg(figure_to_svg(drawn), "eos", "energy by the volume")
        caption = (
            "Points are computed, and the dotted line is the minimum of the fitted curve. Where "
            "the misfit is large, the bulk modulus depends on the range of volumes."
        )
        parts.append(figure(Html(picture), caption))
    return _page(
        folder / "eos.html",
        "Equation of state",
        f"{len(done)} of {count(len(rows), 'crystal')} with an equation of state",
        [section("eos", "Crystals", parts), _failures(rows)],
    )


def write_elastic_page(folder: Path, rows: Rows) -> Path:
    """Write ``elastic.html``."""
    done = [row for row in rows if row["bulk_modulus"]]
    keys = ("C11", "C22", "C33", "C12", "C13", "C23", "C44", "C55", "C66")
    shown: _Shown = {
        **_NAMED,
        **{key: _number(key, 1) for key in keys},
        "bulk modulus": _number("bulk_modulus", 1),
        "shear modulus": _number("shear_modulus", 1),
        "stable": lambda row: "yes" if row["stable"] == "True" else "no",
    }
    stable = sum(row["stable"] == "True" for row in done)
    return _page(
        folder / "elastic.html",
        "Elastic constants",
        f"{count(len(done), 'crystal')} with elastic constants, {stable} of them stable",
        [section("elastic", "Constants, GPa", [columns(shown, done)]), _failures(rows)],
    )


def write_phonons_page(folder: Path, rows: Rows) -> Path:
    """Write ``phonons.html`` from ``phonons.csv``, whose rows name the folders with the numbers."""
    done = [row for row in rows if row["files"]]
    unstable = [row["id"] for row in done if row["stable"] != "True"]
    parts = [columns(_PHONONS, done)]
    if done:
        parts.append(paragraph(_OF_PHONONS))
    drawn = done[:_DRAWN]
    heat = ("heat capacity, J/K/mol", "free energy, eV/atom")
    curves = [_by_temperature(folder, drawn, column) for column in heat] if drawn else []
    told = (
        f"Imaginary modes, drawn below 0: {', '.join(unstable[:_DRAWN])}. Such a crystal is no "
        "minimum of the energy, and its heat capacity and free energy leave these modes out."
    )
    return _page(
        folder / "phonons.html",
        "Phonons",
        f"{count(len(done), 'crystal')} with phonons, {len(unstable)} with imaginary modes",
        [
            section("phonons", "Crystals", parts),
            section("bands", "Bands and density of states", [_bands(folder, row) for row in drawn]),
            section("heat", "Heat capacity and free energy", curves),
            _failures(rows),
        ],
        warnings=[told] if unstable else (),
    )


def _supercell(row: Mapping[str, str]) -> str:
    return f"{row['supercell'].replace('x', '×')} of {count(int(row['atoms']), 'atom')}"


_PHONONS: Final[_Shown] = {
    **_NAMED,
    "space group": itemgetter("space_group"),
    "supercell": _supercell,
    "lowest, THz": _number("lowest", 2),
    "highest, THz": _number("highest", 2),
    "imaginary": lambda row: f"{100 * float(row['imaginary']):.1f} %",
    "zero point, eV/atom": _number("zero_point", 4),
    "free energy at 300 K, eV/atom": _number("free_energy_300", 4),
    "heat capacity at 300 K, J/K/mol": _number("heat_capacity_300", 2),
}
"""What the table of phonons shows."""
_OF_PHONONS: Final = (
    "Harmonic, at constant volume. Free energies are those of the vibrations alone, with the zero "
    "point; a mole is one of atoms."
)


def _bands(folder: Path, row: Mapping[str, str]) -> str:
    """Return the picture of one crystal, from its tables."""
    bands, states = (
        pd.read_csv(folder / row["files"] / f"{name}.csv") for name in ("bands", "dos")
    )
    parts = [
        ((str(part["label"].iloc[0]), str(part["label"].iloc[-1])), values[:, 0], values[:, 4:])
        for _, part in bands.groupby("segment")
        for values in [part.iloc[:, 2:].to_numpy(dtype=float)]
    ]
    drawn = phonons_plot(parts, *states.to_numpy(dtype=float).T)
    key = row["files"].rpartition("/")[2].replace(".", "-")
    picture = inline_svg(figure_to_svg(drawn), f"bands-{key}", f"phonons of {row['id']}")
    return figure(Html(picture), f"{row['id']}: {row['formula']}, {row['space_group']}")


def _by_temperature(folder: Path, rows: Rows, column: str) -> str:
    """Return a picture with a panel for each crystal."""
    panels = []
    for row in rows:
        heat = pd.read_csv(folder / row["files"] / "temperatures.csv", dtype=float)
        panels.append([Curve(heat["temperature, K"].to_numpy(), heat[column].to_numpy(), "")])
    titles = [row["id"] for row in rows] if len(rows) > 1 else ()
    drawn = curves_plot(panels, xlabel="temperature, K", ylabel=column, titles=titles)
    key = column.partition(",")[0].replace(" ", "-")
    return figure(Html(inline_svg(figure_to_svg(drawn), key, column)), "")


def write_md_page(
    folder: Path,
    time: Float[np.ndarray, " moments"],
    series: Mapping[str, Float[np.ndarray, " moments"]],
    *,
    crystal: str,
    drift: float | None,
    reason: str,
) -> Path:
    """Write ``md.html``.

    Args:
        folder: Where it is written.
        time: ps.
        series: What is drawn over the time, by its name with the unit; NaN where it is not
            known. What does not change is not drawn.
        crystal: Formula of the cell.
        drift: Slope of the total energy, eV/atom/ps; None where it is not kept.
        reason: Why it stopped before its end; empty where it did not.
    """
    parts = []
    for name, values in series.items():
        if len(set(values[np.isfinite(values)])) > 1:
            drawn = curves_plot([[Curve(time, values, "")]], xlabel="time, ps", ylabel=name)
            key = name.partition(",")[0].replace(" ", "-")
            parts.append(figure(Html(inline_svg(figure_to_svg(drawn), key, name)), ""))
    last = time[-1] if len(time) else 0.0
    kept = "" if drift is None else f", the total energy drifts by {drift:.2g} eV/atom/ps"
    page = render_page(
        title=f"Molecular dynamics of {crystal}",
        kicker="Molecular dynamics",
        headline=f"{crystal}: {last:.4g} ps{kept}",
        warnings=[reason] if reason else (),
        body=[section("trajectory", "Trajectory", parts)],
    )
    write_atomically(folder / "md.html", page)
    return folder / "md.html"


def _page(
    path: Path, title: str, headline: str, body: Sequence[str], warnings: Sequence[str] = ()
) -> Path:
    page = render_page(title=title, kicker=title, headline=headline, body=body, warnings=warnings)
    write_atomically(path, page)
    return path


def _failures(rows: Rows) -> str:
    failed = [row for row in rows if row["error"]]
    shown: _Shown = {**_NAMED, "reason": itemgetter("error")}
    return section("errors", "Without a result", [columns(shown, failed)]) if failed else ""


def _change(row: Mapping[str, str]) -> str:
    before, after = float(row["volume_start"]), float(row["volume"])
    return f"{after:.2f} Å³ ({100 * (after / before - 1):+.1f} %)"


def _curve(row: Mapping[str, str]) -> Curve:
    volumes, energies = (np.array(row[key].split(), float) for key in ("volumes", "energies"))
    return Curve(volumes / float(row["volume"]), energies - float(row["energy"]), "", dots=True)
