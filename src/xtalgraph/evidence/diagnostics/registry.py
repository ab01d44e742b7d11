"""Every diagnostic, in the order of the page: what it measures, says and draws.

The page, ``diagnose.json`` and the names of the command line follow from this table.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from types import MappingProxyType
from typing import Any, Final, Literal

from xtalgraph.evidence.diagnostics import (
    cutoffs,
    depth,
    drawings,
    drawings_of_potential,
    energy_volume,
    errors,
    force_errors,
    force_path,
    labels,
    shortcuts,
    volume,
    worst,
)
from xtalgraph.evidence.diagnostics.drawings import Drawing
from xtalgraph.evidence.diagnostics.evaluator import Evaluator
from xtalgraph.evidence.diagnostics.result import DiagnosticResult, Quantity, Verdict
from xtalgraph.evidence.text import diagnostics_of_data as data_text
from xtalgraph.evidence.text import diagnostics_of_model as model_text
from xtalgraph.evidence.text import diagnostics_of_potential as potential_text


@dataclass(frozen=True)
class Diagnostic:
    """One question to a trained model."""

    name: str
    """By which it is asked for."""
    title: str
    """Heading on the page."""
    numbers: type[Any]
    """The dataclass of its numbers."""
    measure: Callable[[Evaluator], DiagnosticResult]
    explain: Callable[[Any, DiagnosticResult, Quantity], str]
    """Says what the numbers mean; asked only where it could be measured."""
    draw: Callable[[Any, DiagnosticResult, Quantity], Sequence[Drawing]]
    """Draws the numbers; asked only where it could be measured."""
    measured: str = ""
    """What the number is that is compared; empty where there is no verdict."""
    alarm: Literal["from", "above", "below"] = "from"
    """On which side of the threshold the alarm is: from it on, above it, or below it."""
    reason: str = ""
    """Why the threshold is where it is, or how to read the table."""
    trains: bool = False
    """Whether it trains a model, and so is done only on request."""
    asked_of: Literal["property", "potential", "both"] = "property"
    """Of which models it is asked unless it is named; those of a potential are of no other."""

    def says(self, result: DiagnosticResult, quantity: Quantity) -> str:
        """Return what a result means, or why there is none."""
        if result.verdict is Verdict.NOT_APPLICABLE:
            return data_text.explain_absence(result.numbers)
        return self.explain(result.numbers, result, quantity)

    def drawn(self, result: DiagnosticResult, quantity: Quantity) -> Sequence[Drawing]:
        """Return the figures of a result; none where there is no result."""
        if result.verdict is Verdict.NOT_APPLICABLE:
            return []
        return self.draw(result.numbers, result, quantity)


_ALL: Final = (
    Diagnostic(
        "labels",
        "Labels that belong to other crystals",
        labels.ShiftedLabels,
        labels.shifted_labels,
        data_text.shifted_labels,
        drawings.shifted_labels,
        measured="gain in rank correlation when the labels are moved by one or two rows",
        alarm="above",
        reason="The alarm is set at five standard deviations of the correlation of unrelated "
        "columns, 1/√(n − 1). It is also raised where neither trees nor model exceed chance.",
    ),
    Diagnostic(
        "order",
        "Target sorted in the file",
        labels.SortedTarget,
        labels.sorted_target,
        data_text.sorted_target,
        drawings.sorted_target,
        measured="absolute rank correlation of target and row",
        reason="Files in the order of ids or formulas reach 0.09. In small files the correlation "
        "must also exceed five standard deviations of chance.",
    ),
    Diagnostic(
        "duplicates",
        "Duplicates across the split",
        labels.Duplicates,
        labels.duplicates,
        data_text.duplicates,
        drawings.duplicates,
        measured="share of the test crystals whose label is revealed by a copy in training",
        reason="Up to a share of 1\u00a0% the effect on the test error is below its uncertainty.",
        asked_of="both",
    ),
    Diagnostic(
        "size",
        "Size of the cell alone",
        shortcuts.SizeAlone,
        shortcuts.size_alone,
        data_text.size_alone,
        drawings.size_alone,
        measured="R² of the number of atoms or the volume of the cell alone",
        reason="The alarm is set at half of the model's R², taken as at least 0.2. The same "
        "crystal can be written with any multiple of its cell, so no property follows from its "
        "size.",
    ),
    Diagnostic(
        "elements",
        "Species shuffled, geometry unchanged",
        shortcuts.ChangedCrystals,
        shortcuts.shuffled_species,
        data_text.shuffled_species,
        partial(drawings.changed, change="species shuffled"),
        measured="share of R² that remains when the species are shuffled",
        reason="A model that keeps half of its R² without the right elements predicts by "
        "something else, such as size or prototype.",
    ),
    Diagnostic(
        "geometry",
        "Geometry replaced, composition unchanged",
        shortcuts.ChangedCrystals,
        shortcuts.replaced_geometry,
        data_text.replaced_geometry,
        partial(drawings.changed, change="geometry replaced"),
        measured="share of R² that remains when the geometry is replaced",
        reason="Composition alone explains many properties well, so a high share is no error. A "
        "loss below 5\u00a0% cannot be distinguished from none on some hundred crystals.",
    ),
    Diagnostic(
        "retrained",
        "Trained again without elements, and without geometry",
        shortcuts.Retrained,
        shortcuts.retrained,
        data_text.retrained,
        drawings.retrained,
        measured="R² of geometry alone or composition alone, whichever is larger",
        reason="The alarm is set at 95\u00a0% of the model's R²: a smaller difference cannot be "
        "distinguished from none on some hundred crystals.",
        trains=True,
    ),
    Diagnostic(
        "volume",
        "Composition unchanged, volume varied",
        volume.VolumeSweep,
        volume.volume_sweep,
        model_text.volume_sweep,
        drawings.volume_sweep,
        measured="1 − Σ(Δŷ − Δy)² / Σ Δy² over all curves",
        alarm="below",
        reason="Below 0, predicting no change at all would be better.",
    ),
    Diagnostic(
        "cutoff-path",
        "Neighbours crossing the cutoff",
        cutoffs.CutoffPath,
        cutoffs.cutoff_path,
        model_text.cutoff_path,
        drawings.cutoff_path,
        measured="largest jump of the prediction at the cutoff, relative to the test MAE",
        alarm="above",
        reason="With a smooth envelope only rounding and slope are left, about 1e-6.",
    ),
    Diagnostic(
        "cutoff",
        "Another cutoff",
        cutoffs.CutoffChange,
        cutoffs.cutoff_change,
        model_text.cutoff_change,
        drawings.cutoff_change,
        measured="mean change of a prediction at ± 0.25 Å, relative to the test MAE",
        reason="At 1, a change of the cutoff by less than the width of a shell of neighbours "
        "matters as much as all errors of the model.",
        asked_of="both",
    ),
    Diagnostic(
        "smoothing",
        "Over-smoothing, layer by layer",
        depth.Smoothing,
        depth.over_smoothing,
        model_text.smoothing,
        drawings.smoothing,
        measured="cosine distance of neighbours after the last layer, relative to the largest",
        alarm="below",
        reason="Below 0.01 the readout can hardly distinguish the atoms of a crystal.",
        asked_of="both",
    ),
    Diagnostic(
        "reach",
        "Receptive field",
        depth.Reach,
        depth.reach,
        model_text.reach,
        drawings.reach,
        measured="edges over which an atom has an influence",
        alarm="below",
        reason="Each layer should extend the range by one edge, up to the farthest atom.",
        asked_of="both",
    ),
    Diagnostic(
        "groups",
        "Errors by element, size, density and prototype",
        errors.ErrorGroups,
        errors.error_groups,
        model_text.error_groups,
        drawings.error_groups,
    ),
    Diagnostic(
        "worst",
        "The largest errors and their likely causes",
        worst.WorstErrors,
        worst.worst_errors,
        model_text.worst_errors,
        drawings.worst_errors,
        reason=model_text.CAUSES,
    ),
    Diagnostic(
        "forces",
        "Errors of energies and forces, by element, group and size",
        force_errors.ForceErrors,
        force_errors.force_errors,
        potential_text.force_errors,
        drawings_of_potential.force_errors,
        asked_of="potential",
    ),
    Diagnostic(
        "worst-frames",
        "The frames with the largest errors of forces",
        force_errors.WorstFrames,
        force_errors.worst_frames,
        potential_text.worst_frames,
        drawings_of_potential.worst_frames,
        asked_of="potential",
    ),
    Diagnostic(
        "force-path",
        "Force while an atom crosses the cutoff",
        force_path.ForcePath,
        force_path.force_path,
        potential_text.force_path,
        drawings_of_potential.force_path,
        measured="jump of the force at the cutoff, relative to the MAE of forces",
        alarm="above",
        reason="With a smooth envelope only rounding and slope are left, 1e-6 and less.",
        asked_of="potential",
    ),
    Diagnostic(
        "energy-volume",
        "Energy by volume of the crystals in training",
        energy_volume.EnergyVolume,
        energy_volume.energy_volume,
        potential_text.energy_volume,
        drawings_of_potential.energy_volume,
        measured="valleys of a curve between 78 and 126\u00a0% of the volume",
        alarm="above",
        reason="Matter has one; another is where frames are missing.",
        asked_of="potential",
    ),
    Diagnostic(
        "committee",
        "Standard deviation of the members and error of the forces",
        force_errors.Committee,
        force_errors.committee,
        potential_text.committee,
        drawings_of_potential.committee,
        measured="rank correlation of standard deviation and error over atoms",
        alarm="below",
        reason="At 0.3 the standard deviation explains a tenth of the ranks of the errors.",
        asked_of="potential",
    ),
)

DIAGNOSTICS: Final = MappingProxyType({diagnostic.name: diagnostic for diagnostic in _ALL})
"""Labels first, then shortcuts, then the cutoff and the layers, then the errors themselves; those
of potentials last."""
