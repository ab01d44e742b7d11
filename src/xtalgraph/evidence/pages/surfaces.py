"""Pictures of true and predicted tensors of a run."""

from functools import partial
from typing import Final

import numpy as np
from matplotlib.figure import Figure

from xtalgraph.conventions.voigt import from_subscripts, subscripts
from xtalgraph.evidence.run_record import RunRecord
from xtalgraph.graphs.graph import Scope
from xtalgraph.metrics.tensors import longitudinal, norms
from xtalgraph.plots.tensor_surface import surface_plot

SURFACES: Final = (
    "Test crystals with the median and with the largest error over the norm. The distance from the "
    "middle is the value in that direction, of a stiffness Young's modulus of a rod."
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
