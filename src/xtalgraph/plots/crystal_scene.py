"""An interactive picture of a periodic graph: one HTML page that needs no network."""

import html
import json
from collections import Counter
from collections.abc import Sequence
from importlib.resources import files
from string import Template

import numpy as np
from jaxtyping import Bool, Float, Int
from matplotlib.colors import to_hex, to_rgb
from scipy.spatial.transform import Rotation

from xtalgraph.conventions.elements import SYMBOLS
from xtalgraph.conventions.errors import InputError
from xtalgraph.plots.crystal_drawing import CrystalDrawing, draw_crystal, view_along, viewpoint
from xtalgraph.plots.crystal_still import BALL_SHARE, IMAGE_PALENESS, STICK_RADIUS, crystal_still
from xtalgraph.plots.element_look import covalent_radius, element_color, mixed
from xtalgraph.plots.export import figure_to_svg, inline_svg


def crystal_scene(
    cell: Float[np.ndarray, "3 3"],
    positions: Float[np.ndarray, "atoms 3"],
    numbers: Int[np.ndarray, " atoms"],
    center: Int[np.ndarray, " bonds"],
    neighbor: Int[np.ndarray, " bonds"],
    image: Int[np.ndarray, "bonds 3"],
    pbc: Bool[np.ndarray, "3"],
    *,
    title: str,
    labels: Sequence[str] = (),
    facts: Sequence[tuple[str, str]] = (),
) -> str:
    """A page with the crystal to turn, its bonds drawn to the images, and facts beside it.

    Pointing at an atom tells its element, index and coordination (how many of the given bonds
    start there). The page holds 3Dmol.js and loads nothing; where the browser has no WebGL it
    says so and shows the still picture.

    Args:
        cell: Lattice vectors as rows, Å.
        positions: Cartesian coordinates, Å.
        numbers: Atomic numbers.
        center: Atom at which each bond starts.
        neighbor: Atom at which it ends.
        image: In which cell that atom stands, in lattice vectors.
        pbc: Which lattice directions repeat.
        title: Heading of the page.
        labels: One text per atom, shown when it is pointed at; may be left out.
        facts: Pairs of what and its value, shown beside the picture in this order.

    Returns:
        The page.

    Raises:
        InputError: When the labels are not one per atom, or a bond cannot be drawn.
    """
    if len(labels) not in (0, len(numbers)):
        raise InputError(f"labels must be one per atom ({len(numbers)}), got {len(labels)}")
    drawing = draw_crystal(cell, positions, numbers, center, neighbor, image, pbc)
    still = figure_to_svg(
        crystal_still(cell, positions, numbers, center, neighbor, image, pbc, size=4.6)
    )
    data = {
        "atoms": _atoms(drawing, labels),
        "edges": [
            {"start": _rounded(start), "end": _rounded(end), "repeats": bool(pbc[axis])}
            for (start, end), axis in zip(drawing.edges, drawing.edge_axis.tolist(), strict=True)
        ],
        "axes": [
            {"name": name, "position": _rounded(end + 0.35 * (end - start) / _length(end - start))}
            for name, (start, end) in zip("abc", drawing.edges[::4], strict=False)
        ],
        "views": _views(cell),
        "stick": STICK_RADIUS,
        "line": 0.022,
    }
    return _page(
        "scene",
        title=html.escape(title),
        still=inline_svg(still, "still", title),
        legend=_legend(numbers),
        facts="\n".join(
            f"<div><dt>{html.escape(what)}</dt><dd>{html.escape(value)}</dd></div>"
            for what, value in facts
        ),
        # no character can end the script element before its time
        data=json.dumps(data, separators=(",", ":")).replace("<", "\\u003c"),
        library=_asset("vendor", "3Dmol-min.js"),
    )


def _atoms(drawing: CrystalDrawing, labels: Sequence[str]) -> list[dict[str, object]]:
    bonds: list[list[int]] = [[] for _ in drawing.numbers]
    for one, other in drawing.sticks.tolist():
        bonds[one].append(other)
        bonds[other].append(one)
    atoms: list[dict[str, object]] = []
    for ball, number in enumerate(drawing.numbers.tolist()):
        site, is_image = int(drawing.site[ball]), bool(drawing.is_image[ball])
        color = np.array(to_rgb(element_color(number)))
        color = mixed(color, "#ffffff", IMAGE_PALENESS) if is_image else color
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
                "color": to_hex(tuple(color)),
                "bonds": bonds[ball],
            }
        )
    return atoms


def _views(cell: Float[np.ndarray, "3 3"]) -> dict[str, list[float]]:
    """Quaternions (x, y, z, w) that turn the crystal towards the viewer."""
    rotations = {"home": viewpoint(cell)}
    for axis, name in enumerate("abc"):
        solid = abs(float(np.linalg.det(cell))) > 1e-9
        rotations[name] = view_along(cell if solid else np.eye(3), axis)
    return {
        name: [round(q, 6) for q in Rotation.from_matrix(rotation).as_quat().tolist()]
        for name, rotation in rotations.items()
    }


def _legend(numbers: Int[np.ndarray, " atoms"]) -> str:
    rows = []
    for number, count in sorted(Counter(numbers.tolist()).items()):
        dot = (
            '<svg viewBox="0 0 16 16" aria-hidden="true"><circle cx="8" cy="8" r="7" '
            f'fill="{element_color(number)}" stroke="#4a5663" stroke-width="1"/></svg>'
        )
        rows.append(f"<li>{dot}{SYMBOLS[number]} <small>× {count:,}</small></li>")
    return "\n".join(rows)


def _page(name: str, **parts: str) -> str:
    style, script = _asset("assets", f"{name}.css"), _asset("assets", f"{name}.js")
    return Template(_asset("assets", f"{name}.html")).substitute(parts, style=style, script=script)


def _asset(*path: str) -> str:
    return files("xtalgraph.plots").joinpath(*path).read_text(encoding="utf-8")


def _rounded(vector: Float[np.ndarray, "3"]) -> list[float]:
    return [round(x, 5) for x in vector.tolist()]


def _length(vector: Float[np.ndarray, "3"]) -> float:
    return max(float(np.linalg.norm(vector)), 1e-9)
