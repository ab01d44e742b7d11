"""A snapshot of a periodic graph, drawn from the back to the front."""

from itertools import pairwise
from typing import Any, Literal

import numpy as np
from jaxtyping import Bool, Float
from matplotlib.axes import Axes
from matplotlib.colors import to_rgb
from matplotlib.figure import Figure
from matplotlib.path import Path as Outline
from matplotlib.patheffects import withStroke

from xtalgraph.plots.atom_styles import (
    AtomStyle,
    class_style,
    covalent_radius,
    element_style,
    mixed,
    value_style,
)
from xtalgraph.plots.crystal_drawing import BondedCrystal, CrystalDrawing, draw_crystal, viewpoint
from xtalgraph.plots.depth_canvas import Canvas, strip
from xtalgraph.plots.style import INK, MUTED, house_axes

BALL_SHARE = 0.42
"""Radius of a ball over the covalent radius of its element."""
STICK_RADIUS = 0.085
"""Radius of a stick, Å."""
SHADES = ((1.0, 0.0, 0.0), (0.86, 0.07, 0.16), (0.62, 0.17, 0.36), (0.34, 0.28, 0.62))
"""Discs that make a ball: radius and shift to the light in ball radii, share of white."""
FLAT_FROM = 250
"""With more balls than this, each is one disc."""
RASTER_FROM = 60
"""With more balls than this, an SVG holds the picture as pixels."""
NAME_MARGIN = 0.03
"""Room for the name of an axis to each side, as a share of the picture."""
LONGEST_ARROW = 3.0
"""Å."""
SHORTEST_ARROW = 0.35
"""Of the longest; shorter ones are not drawn."""
EDGE_COLOR = "#7f8b97"
EDGE_WIDTH = 0.00036
"""Half the width of the cell's edges over the distance of the eye."""
EDGE_PIECES = 12
"""Into how many pieces an edge is cut; half as much shows where the direction does not repeat."""


def crystal_snapshot(
    crystal: BondedCrystal,
    *,
    title: str = "",
    size: float = 3.2,
    color: Literal["element", "class"] = "element",
    vectors: Float[np.ndarray, "atoms 3"] | None = None,
    vector_name: str = "",
) -> Figure:
    """Atoms as shaded balls, bonds as sticks, the cell as lines, in a slight perspective.

    Bonds that cross the wall are drawn to the image of their partner; images are paler.

    Args:
        crystal: What to draw.
        title: Written above the picture.
        size: Width of the picture in inches.
        color: By ``element``, or by symmetry ``class``; where there are more classes than
            colours, atoms in sight bear the number of theirs.
        vectors: Of each atom of the cell: it is coloured by the length, and the long ones are
            drawn as arrows.
        vector_name: What they are, with the unit.

    Raises:
        InputError: When the colours are to be those of classes that are not known.
    """
    drawing = draw_crystal(crystal)
    if vectors is not None:
        style = value_style(np.linalg.norm(vectors, axis=1), vector_name)
    else:
        style = element_style(crystal) if color == "element" else class_style(crystal)
    with house_axes(size, size * 1.08) as (figure, axes):
        axes.set_axis_off()
        axes.set_aspect("equal")
        if len(drawing.numbers):
            _paint(axes, drawing, crystal, style, vectors)
        if title:
            figure.suptitle(title, fontsize=10, fontweight="bold")
        figure.legend(
            handles=style.handles,
            loc="outside lower center",
            ncols=min(len(style.handles), style.columns) or 1,
            handletextpad=0.1,
            columnspacing=0.9,
        )
        return figure


def _paint(
    axes: Axes,
    drawing: CrystalDrawing,
    crystal: BondedCrystal,
    style: AtomStyle,
    vectors: Float[np.ndarray, "atoms 3"] | None,
) -> None:
    rotation = viewpoint(crystal.cell)
    corners = drawing.edges.reshape(-1, 3)
    middle = np.concatenate([drawing.positions[~drawing.is_image], corners]).mean(axis=0)
    seen = (drawing.positions - middle) @ rotation.T
    corners = (corners - middle) @ rotation.T
    radii = np.array([BALL_SHARE * covalent_radius(z) for z in drawing.numbers.tolist()])
    colors = style.colors[drawing.site]
    canvas = Canvas(np.concatenate([seen, corners]))
    _add_balls(canvas, drawing, seen, radii, colors)
    _add_sticks(canvas, drawing, seen, radii, colors)
    _add_edges(canvas, corners.reshape(-1, 2, 3), crystal.pbc[drawing.edge_axis])
    axes.add_collection(canvas.collection(rasterized=len(seen) > RASTER_FROM))

    flat = seen[:, :2] * canvas.magnify(seen[:, 2:])
    reach = radii * canvas.magnify(seen[:, 2])
    lines = corners[:, :2] * canvas.magnify(corners[:, 2:])
    _name_atoms(axes, style.names, flat, seen[:, 2], reach)
    if vectors is not None:
        _add_arrows(axes, drawing, flat, (vectors @ rotation.T)[:, :2])
    low = np.concatenate([flat - reach[:, None], lines]).min(axis=0) - 0.35
    high = np.concatenate([flat + reach[:, None], lines]).max(axis=0) + 0.35
    margin = NAME_MARGIN * float((high - low).max())
    spots = axis_name_spots(lines.reshape(-1, 2, 2)[::4], flat, reach, margin)
    for name, spot in zip("abc", spots, strict=False):
        centred: dict[str, Any] = {"ha": "center", "va": "center", "zorder": 5}
        axes.text(
            float(spot[0]),
            float(spot[1]),
            name,
            fontsize=8,
            fontstyle="italic",
            color=MUTED,
            **centred,
        )
    low = np.minimum(low, np.min([low, *(spot - margin for spot in spots)], axis=0))
    high = np.maximum(high, np.max([high, *(spot + margin for spot in spots)], axis=0))
    axes.set(xlim=(low[0], high[0]), ylim=(low[1], high[1]))


def _add_balls(
    canvas: Canvas,
    drawing: CrystalDrawing,
    seen: Float[np.ndarray, "balls 3"],
    radii: Float[np.ndarray, " balls"],
    colors: Float[np.ndarray, "balls 3"],
) -> None:
    shades = SHADES if len(seen) <= FLAT_FROM else SHADES[:1]
    disc = Outline.unit_circle()
    round_corners = np.asarray(disc.vertices)
    scales = canvas.magnify(seen[:, 2])
    for ball, (x, y, depth) in enumerate(seen.tolist()):
        color, is_image, scale = colors[ball], bool(drawing.is_image[ball]), float(scales[ball])
        body = canvas.faded(mixed(color, "#000000", 0.10), depth, is_image)
        rim = canvas.faded(mixed(color, "#000000", 0.52), depth, is_image)
        for layer, (radius, shift, white) in enumerate(shades):
            to_light = np.array([-0.7, 1.0]) * shift * radii[ball]
            spot = (np.array([x, y]) + to_light) * scale
            outline = Outline(round_corners * radius * radii[ball] * scale + spot, disc.codes)
            face = mixed(body, "#ffffff", white)
            canvas.add(outline, depth + 1e-6 * layer, face, rim if layer == 0 else face)


def _add_arrows(
    axes: Axes,
    drawing: CrystalDrawing,
    flat: Float[np.ndarray, "balls 2"],
    vectors: Float[np.ndarray, "atoms 2"],
) -> None:
    """Draw the long vectors, over everything, at the atoms of the cell."""
    length = np.linalg.norm(vectors, axis=1)
    long = ~drawing.is_image & (length[drawing.site] > SHORTEST_ARROW * length.max(initial=0.0))
    shown = vectors[drawing.site[long]] * LONGEST_ARROW / (length.max(initial=0.0) or 1.0)
    common: dict[str, Any] = {"angles": "xy", "scale_units": "xy", "scale": 1.0, "zorder": 6}
    axes.quiver(*flat[long].T, *shown.T, width=0.008, color=INK, **common)


def _name_atoms(
    axes: Axes,
    names: list[str],
    flat: Float[np.ndarray, "balls 2"],
    depth: Float[np.ndarray, " balls"],
    reach: Float[np.ndarray, " balls"],
) -> None:
    """Write on the atoms of the cell whose middle no other ball covers."""
    for ball, name in enumerate(names):
        before = (depth > depth[ball]) & (np.linalg.norm(flat - flat[ball], axis=1) < reach)
        if not before.any():
            x, y = flat[ball].tolist()
            text = axes.text(x, y, name, ha="center", va="center", fontsize=7, zorder=4)
            text.set_path_effects([withStroke(linewidth=1.8, foreground="white")])


def _add_sticks(
    canvas: Canvas,
    drawing: CrystalDrawing,
    seen: Float[np.ndarray, "balls 3"],
    radii: Float[np.ndarray, " balls"],
    colors: Float[np.ndarray, "balls 3"],
) -> None:
    layers = ((1.0, "#000000", 0.38), (0.72, "#000000", 0.02), (0.28, "#ffffff", 0.38))
    for first, second in drawing.sticks.tolist():
        half = (seen[first] + seen[second]) / 2.0
        for ball in (first, second):
            start = _surface(seen[ball], half, float(radii[ball]))
            if start is None:
                continue
            color = mixed(colors[ball], "#8d98a3", 0.35)
            ends = np.stack([start, half])
            depth = float(ends[:, 2].mean())
            scales = canvas.magnify(ends[:, 2])
            for layer, (width, shade, share) in enumerate(layers):
                outline = strip(ends[:, :2] * scales[:, None], width * STICK_RADIUS * scales)
                is_image = bool(drawing.is_image[ball])
                face = canvas.faded(mixed(color, shade, share), depth, is_image)
                canvas.add(outline, depth + 1e-6 * layer, face, face)


def _add_edges(
    canvas: Canvas, edges: Float[np.ndarray, "edges 2 3"], repeats: Bool[np.ndarray, " edges"]
) -> None:
    """Short pieces, so that an edge can pass behind one atom and before another."""
    color = np.array(to_rgb(EDGE_COLOR))
    width = EDGE_WIDTH * canvas.distance
    for (start, end), solid in zip(edges, repeats, strict=True):
        cuts = np.linspace(0.0, 1.0, EDGE_PIECES + 1)
        for first, last in pairwise(cuts):
            stop = last if solid else (first + last) / 2.0
            ends = np.stack([start + first * (end - start), start + stop * (end - start)])
            depth = float(ends[:, 2].mean())
            scales = canvas.magnify(ends[:, 2])
            outline = strip(ends[:, :2] * scales[:, None], width * scales)
            face = canvas.faded(color, depth, False)
            canvas.add(outline, depth, face, face)


def axis_name_spots(
    lines: Float[np.ndarray, "axes 2 2"],
    balls: Float[np.ndarray, "balls 2"],
    reach: Float[np.ndarray, " balls"],
    margin: float,
) -> list[Float[np.ndarray, "2"]]:
    """Find for each axis a place for its name, near its end and off all balls.

    Args:
        lines: Start and end of each axis in the picture.
        balls: Middles of the balls in the picture.
        reach: Their radii in the picture.
        margin: Room that a name needs to each side.
    """
    turns = np.radians([0, 30, -30, 60, -60, 90, -90, 135, -135, 180])
    spots: list[Float[np.ndarray, "2"]] = []
    for start, end in lines:
        along = np.arctan2(*(end - start)[::-1]) + turns
        ways = np.stack([np.cos(along), np.sin(along)], axis=1)
        tried = np.concatenate([end + margin * step * ways for step in np.arange(1.0, 12.0, 0.75)])
        others = np.array([*balls, *spots]).reshape(-1, 1, 2)
        radii = np.array([*reach, *(margin for _ in spots)]).reshape(-1, 1)
        room = (np.linalg.norm(others - tried, axis=2) - radii).min(axis=0, initial=np.inf)
        free = np.flatnonzero(room >= margin)
        spots.append(tried[free[0] if len(free) else int(np.argmax(room))])
    return spots


def _surface(
    ball: Float[np.ndarray, "3"], half: Float[np.ndarray, "3"], radius: float
) -> Float[np.ndarray, "3"] | None:
    way = half - ball
    length = float(np.linalg.norm(way))
    return ball + way / length * radius * 0.9 if length > radius * 0.9 else None
