"""Every diagnostic that needs no further training, by name, in the order of the page."""

from collections.abc import Callable
from types import MappingProxyType
from typing import Final

from xtalgraph.evidence.diagnostics import (
    cutoff_change,
    cutoff_path,
    error_groups,
    over_smoothing,
    reach,
    redrawn_elements,
    replaced_geometry,
    shared_crystals,
    shifted_labels,
    size_alone,
    sorted_target,
    volume_sweep,
    worst_errors,
)
from xtalgraph.evidence.diagnostics.diagnosed_predictor import DiagnosedPredictor
from xtalgraph.evidence.diagnostics.finding import Examined

DIAGNOSTICS: Final[MappingProxyType[str, Callable[[DiagnosedPredictor], Examined]]] = (
    MappingProxyType(
        {
            shifted_labels.NAME: shifted_labels.shifted_labels,
            sorted_target.NAME: sorted_target.sorted_target,
            shared_crystals.NAME: shared_crystals.shared_crystals,
            size_alone.NAME: size_alone.size_alone,
            redrawn_elements.NAME: redrawn_elements.redrawn_elements,
            replaced_geometry.NAME: replaced_geometry.replaced_geometry,
            volume_sweep.NAME: volume_sweep.volume_sweep,
            cutoff_path.NAME: cutoff_path.cutoff_path,
            cutoff_change.NAME: cutoff_change.cutoff_change,
            over_smoothing.NAME: over_smoothing.over_smoothing,
            reach.NAME: reach.reach,
            error_groups.NAME: error_groups.error_groups,
            worst_errors.NAME: worst_errors.worst_errors,
        }
    )
)
"""Labels first, then shortcuts, then the cutoff and the network, then the errors themselves."""
