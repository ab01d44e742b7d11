"""An interactive picture of a periodic graph: one HTML page that needs no network."""

import html
import json
from collections import Counter
from collections.abc import Sequence
from importlib.resources import files
from string import Template
from typing import Literal

import numpy as np
from jaxtyping import Float, Int
from matplotlib.colors import to_hex, to_rgb
from scipy.spatial.transform import Rotation

from xtalgraph.conventions.elements import SYMBOLS
from xtalgraph.conventions.errors import InputError
from xtalgraph.plots.atom_styles import (
    ClassMark,
    class_color,
    class_marks,
    covalent_radius,
    element_color,
    mixed,
    needs_numbers,
)
from xtalgraph.plots.crystal_drawing import (
    BondedCrystal,
    CrystalDrawing,
    draw_crystal,
    view_along,
    viewpoint,
)
from xtalgraph.plots.crystal_snapshot import BALL_SHARE, STICK_RADIUS, crystal_snapshot
from xtalgraph.plots.depth_canvas import IMAGE_PALENESS
from xtalgraph.plots.export import figure_to_svg, inline_svg


def crystal_viewer(
    crystal: BondedCrystal,
    *,
    title: str,
    labels: Sequence[str] = (),
    facts: Sequence[tuple[str, str]] = (),
    color: Literal["element", "class"] = "element",
) -> str:
    """A page with the crystal to turn, its bonds drawn to the images, and facts beside it.

    Pointing at an atom tells its element, index and coordination (how many of the given bonds
    start there). Where the classes of the atoms are known, two buttons switch between the
    colours of the elements and those of the classes. The page holds 3Dmol.js and loads nothing;
    where the browser has no WebGL it says so and shows the still picture.

    Args:
        crystal: What to draw.
        title: Heading of the page.
        labels: One text per atom, shown when it is pointed at; may be left out.
        facts: Pairs of what and its value, shown beside the picture in this order.
        color: Which colours the page opens with.

    Raises:
        InputError: When the labels are not one per atom, or the colours are to be those of
            classes that are not known.
    """
    atoms = len(crystal.numbers)
    if len(labels) not in (0, atoms):
        raise InputError(f"labels must be one per atom ({atoms}), got {len(labels)}")
    drawing = draw_crystal(crystal)
    still = figure_to_svg(crystal_snapshot(crystal, size=4.6, color=color))
    marks = [] if crystal.classes is None else class_marks(crystal.classes, crystal.numbers)
    data = {
        "atoms": _atoms(drawing, labels, crystal.classes),
        "color": color,
        "hasClasses": bool(marks),
        "numbered": needs_numbers(marks),
        "edges": [
            {"start": _rounded(start), "end": _rounded(end), "repeats": bool(crystal.pbc[axis])}
            for (start, end), axis in zip(drawing.edges, drawing.edge_axis.tolist(), strict=True)
        ],
        "axes": [
            {"name": name, "position": _rounded(end + 0.35 * (end - start) / length)}
            for name, (start, end) in zip("abc", drawing.edges[::4], strict=False)
            if (length := float(np.linalg.norm(end - start)))
        ],
        "views": _views(crystal),
        "margin": _margin(drawing),
        "stick": STICK_RADIUS,
        "line": 0.022,
    }
    return Template(_asset("assets", "scene.html")).substitute(
        style=_asset("assets", "scene.css"),
        script=_asset("assets", "scene.js"),
        title=html.escape(title),
        still=inline_svg(still, "still", title),
        legend=_legend(crystal.numbers),
        classes=_class_legend(marks),
        facts="\n".join(
            f"<div><dt>{html.escape(what)}</dt><dd>{html.escape(value)}</dd></div>"
            for what, value in facts
        ),
        # no character can end the script element before its time
        data=json.dumps(data, separators=(",", ":")).replace("<", "\\u003c"),
        library=_asset("vendor", "3Dmol-min.js"),
    )


def _margin(drawing: CrystalDrawing) -> float:
    """By what a picture that is fitted to centres must be shrunk for the balls to be in it."""
    if not len(drawing.numbers):
        return 1.0
    extent = 0.5 * float(np.linalg.norm(np.ptp(drawing.positions, axis=0)))
    ball = max(BALL_SHARE * covalent_radius(number) for number in set(drawing.numbers.tolist()))
    return round((extent + 1.0) / (extent + 1.0 + 1.5 * ball), 4)


def _atoms(
    drawing: CrystalDrawing, labels: Sequence[str], classes: Int[np.ndarray, " atoms"] | None
) -> list[dict[str, object]]:
    bonds: list[list[int]] = [[] for _ in drawing.numbers]
    for first, second in drawing.sticks.tolist():
        bonds[first].append(second)
        bonds[second].append(first)
    atoms: list[dict[str, object]] = []
    for ball, number in enumerate(drawing.numbers.tolist()):
        site, is_image = int(drawing.site[ball]), bool(drawing.is_image[ball])
        kind = None if classes is None else int(classes[site])
        atoms.append(
            {
                "symbol": SYMBOLS[number],
                "name": f"{SYMBOLS[number]} {site}",
                "site": site,
                "label": labels[site] if labels else "",
                "coordination": int(drawing.coordination[site]),
                "cell": drawing.offset[ball].tolist() if is_image else None,
                "position": _rounded(drawing.positions[ball]),
                "radius": round(BALL_SHARE * covalent_radius(number), 4),
                "color": _shown(element_color(number), is_image),
                "kind": kind,
                "kindColor": None if kind is None else _shown(class_color(kind), is_image),
                "bonds": bonds[ball],
            }
        )
    return atoms


def _shown(color: str, is_image: bool) -> str:
    if not is_image:
        return color
    return to_hex(tuple(mixed(np.array(to_rgb(color)), "#ffffff", IMAGE_PALENESS)))


def _views(crystal: BondedCrystal) -> dict[str, list[float]]:
    """Quaternions (x, y, z, w) that turn the crystal towards the viewer."""
    rotations = {"home": viewpoint(crystal.cell)}
    axes = crystal.cell if crystal.has_volume else np.eye(3)
    for axis, name in enumerate("abc"):
        rotations[name] = view_along(axes, axis)
    return {
        name: [round(q, 6) for q in Rotation.from_matrix(rotation).as_quat().tolist()]
        for name, rotation in rotations.items()
    }


def _legend(numbers: Int[np.ndarray, " atoms"]) -> str:
    return "\n".join(
        f"<li>{_dot(element_color(number))}{SYMBOLS[number]} <small>× {count:,}</small></li>"
        for number, count in sorted(Counter(numbers.tolist()).items())
    )


def _class_legend(marks: Sequence[ClassMark]) -> str:
    return "\n".join(
        f"<li>{_dot(class_color(mark.number))}<b>{mark.number}</b> {SYMBOLS[mark.element]} "
        f"<small>× {mark.multiplicity:,}</small></li>"
        for mark in marks
    )


def _dot(color: str) -> str:
    return (
        '<svg viewBox="0 0 16 16" aria-hidden="true"><circle cx="8" cy="8" r="7" '
        f'fill="{color}" stroke="#4a5663" stroke-width="1"/></svg>'
    )


def _asset(*path: str) -> str:
    return files("xtalgraph.plots").joinpath(*path).read_text(encoding="utf-8")


def _rounded(vector: Float[np.ndarray, "3"]) -> list[float]:
    return [round(x, 5) for x in vector.tolist()]
