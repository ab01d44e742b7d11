"""Outlines at depths in a slight perspective, drawn from the back to the front."""

from typing import TypeAlias

import numpy as np
from jaxtyping import Float
from matplotlib.collections import PathCollection
from matplotlib.path import Path as Outline

from xtalgraph.plots.atom_styles import mixed

IMAGE_PALENESS = 0.62
"""Share of white in what stands in neighbouring cells."""
HAZE = 0.28
"""Share of white at the far end of the picture, which gives it depth."""

Color: TypeAlias = Float[np.ndarray, "*any 3"]
"""Red, green and blue in [0, 1]."""


class Canvas:
    """Outlines with their depth and colours, to be drawn from the back to the front.

    Args:
        points: All points of the picture, Å; the third coordinate is towards the eye.
    """

    def __init__(self, points: Float[np.ndarray, "points 3"]) -> None:
        self.distance = 5.0 * (float(np.linalg.norm(points, axis=1).max()) + 1.0)
        self.near = float(points[:, 2].max())
        self.span = max(self.near - float(points[:, 2].min()), 1e-9)
        self.outlines: list[Outline] = []
        self.depths: list[float] = []
        self.faces: list[Color] = []
        self.rims: list[Color] = []

    def magnify(self, depth: Float[np.ndarray, "*any"]) -> Float[np.ndarray, "*any"]:
        """How much larger than at the origin things appear at this depth."""
        return self.distance / (self.distance - depth)

    def faded(self, color: Color, depth: float, is_image: bool) -> Color:
        """The colour at this depth; paler for an image."""
        color = mixed(color, "#ffffff", max(HAZE * (self.near - depth) / self.span, 0.0))
        return mixed(color, "#ffffff", IMAGE_PALENESS) if is_image else color

    def add(self, outline: Outline, depth: float, face: Color, rim: Color) -> None:
        """Put one outline at a depth."""
        self.outlines.append(outline)
        self.depths.append(depth)
        self.faces.append(face)
        self.rims.append(rim)

    def collection(self, rasterized: bool) -> PathCollection:
        """Everything, the farthest first."""
        order = np.argsort(self.depths, kind="stable")
        return PathCollection(
            [self.outlines[i] for i in order],
            facecolors=[self.faces[i] for i in order],
            edgecolors=[self.rims[i] for i in order],
            linewidths=0.5,
            zorder=3,
            clip_on=False,
            rasterized=rasterized,
        )


def strip(flat: Float[np.ndarray, "2 2"], widths: Float[np.ndarray, "2"]) -> Outline:
    """Return the outline of a line that has a width."""
    along = flat[1] - flat[0]
    across = np.array([-along[1], along[0]]) / max(float(np.linalg.norm(along)), 1e-9)
    side = across * widths[:, None]
    points = np.stack([flat[0] + side[0], flat[1] + side[1], flat[1] - side[1], flat[0] - side[0]])
    return Outline(np.concatenate([points, points[:1]]), closed=True)
