"""Energy by volume of the crystals in training, beside their frames."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final

import numpy as np

from xtalgraph.crystals.composition import composition_key, reduced_formula
from xtalgraph.crystals.transforms import strain
from xtalgraph.data.potential_labels import strain_between
from xtalgraph.evidence.diagnostics.evaluator import Evaluator
from xtalgraph.evidence.diagnostics.result import DiagnosticResult, Reason, alarm_if, not_applicable

LENGTHS: Final = np.linspace(0.92, 1.08, 33)
"""By which lattice vectors are multiplied: 78 to 126 % of the volume."""
_CRYSTALS: Final = 6
"""How many are followed."""
_OTHERS: Final = 200
"""Frames of the same composition that are shown."""


@dataclass(frozen=True)
class EnergyVolume:
    """The energy of crystals over their volume."""

    cases: Sequence[dict[str, Any]]
    """For each crystal ``id`` and ``formula``; ``volume`` (Å³/atom) and ``energy`` (eV/atom, above
    the label of the crystal), the curve of the model; ``strained_volume``, ``strained_energy`` and
    ``strained_predicted`` of training frames that are strained copies of it; ``other_volume`` and
    ``other_energy`` of other frames of the composition; ``minima``, how many valleys the curve has,
    where a fall at the smallest volume is one."""


def energy_volume(tested: Evaluator) -> DiagnosticResult:
    """Stretch the crystals of lowest energy in training, and count the valleys of the energy."""
    cases = []
    for reference, copies, others in _crystals(tested):
        crystal, zero = tested.crystals[reference], tested.values[reference]
        stretched = [strain(crystal, (length - 1.0) * np.eye(3)) for length in LENGTHS]
        curve = tested.predict(stretched, [reference] * len(stretched)) - zero
        rows = [reference, *copies]
        predicted = tested.predict([tested.crystals[row] for row in rows], rows) - zero
        volume = {row: tested.crystals[row].volume / tested.sizes[row] for row in (*rows, *others)}
        cases.append(
            {
                "id": tested.ids[reference],
                "formula": reduced_formula(crystal),
                "volume": [scaled.volume / len(scaled) for scaled in stretched],
                "energy": curve.tolist(),
                "strained_volume": [volume[row] for row in rows],
                "strained_energy": [float(tested.values[row] - zero) for row in rows],
                "strained_predicted": predicted.tolist(),
                "other_volume": [volume[row] for row in others],
                "other_energy": [float(tested.values[row] - zero) for row in others],
                "minima": valleys(curve),
            }
        )
    if not cases:
        return not_applicable("energy-volume", Reason.FEW_TRAINING_CRYSTALS, 0, 1)
    number = max(case["minima"] for case in cases)
    return DiagnosticResult(
        "energy-volume", alarm_if(number > 1), EnergyVolume(cases), float(number), 1.0
    )


def valleys(curve: np.ndarray) -> int:
    """Count the minima within a curve, and a fall at its beginning.

    >>> valleys(np.array([3.0, 1.0, 2.0])), valleys(np.array([0.0, 2.0, 1.0, 3.0]))
    (1, 2)
    """
    known = curve[np.isfinite(curve)]
    inside = (known[1:-1] < known[:-2]) & (known[1:-1] < known[2:])
    return int(inside.sum()) + int(len(known) > 1 and known[0] < known[1])


def _crystals(tested: Evaluator) -> list[tuple[int, list[int], list[int]]]:
    """Return crystals in training by their energy: each with its strained copies and others.

    The first of each composition, and then each that has copies.
    """
    by_formula: dict[str, list[int]] = {}
    train = np.asarray(tested.split.train)
    for row in train[np.argsort(tested.values[train], kind="stable")].tolist():
        if tested.crystals[row].pbc.all():
            by_formula.setdefault(composition_key(tested.crystals[row]), []).append(row)
    references: list[tuple[int, list[int], list[int]]] = []
    for rows in sorted(by_formula.values(), key=len, reverse=True):
        left = list(rows)
        while left and len(references) < _CRYSTALS:
            reference = left.pop(0)
            copies = [row for row in left if _is_copy(tested, reference, row)]
            first = reference == rows[0]
            if not (first or copies):
                continue
            left = [row for row in left if row not in copies]
            others = [row for row in rows if row not in (reference, *copies)] if first else []
            references.append((reference, copies, others[:_OTHERS]))
    return references


def _is_copy(tested: Evaluator, reference: int, row: int) -> bool:
    crystal, other = tested.crystals[reference], tested.crystals[row]
    same = np.array_equal(crystal.site_numbers, other.site_numbers)
    return same and strain_between(crystal, other) is not None
