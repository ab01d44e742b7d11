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
    replaced_geometry,
    shared_crystals,
    shifted_labels,
    shuffled_species,
    size_alone,
    sorted_target,
    volume_sweep,
    worst_errors,
)
from xtalgraph.evidence.diagnostics.evaluator import Evaluator
from xtalgraph.evidence.diagnostics.result import Examined

DIAGNOSTICS: Final[MappingProxyType[str, Callable[[Evaluator], Examined]]] = MappingProxyType(
    {
        shifted_labels.NAME: shifted_labels.shifted_labels,
        sorted_target.NAME: sorted_target.sorted_target,
        shared_crystals.NAME: shared_crystals.shared_crystals,
        size_alone.NAME: size_alone.size_alone,
        shuffled_species.NAME: shuffled_species.shuffled_species,
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
"""Labels first, then shortcuts, then the cutoff and the network, then the errors themselves."""
