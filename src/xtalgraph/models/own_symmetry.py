"""Whether predicted tensors have the symmetry of their crystal (Neumann's principle)."""

from collections.abc import Iterator, Mapping
from typing import Final

import numpy as np

from xtalgraph.crystals.crystal import Crystal
from xtalgraph.crystals.tensor_symmetry import Symmetry
from xtalgraph.data.conditions import ConditionValues
from xtalgraph.graphs.graph import Scope
from xtalgraph.models.check_result import CheckResult, Reason, Worst
from xtalgraph.models.invariance import violations
from xtalgraph.models.model_under_test import ModelUnderTest, Trial

CHECK: Final = "symmetry of the crystal"
"""The name of the check."""


def tensors_symmetric(
    tested: ModelUnderTest,
    crystals: Mapping[str, Crystal],
    conditions: ConditionValues,
    tolerance: float,
) -> Iterator[CheckResult]:
    """Project each predicted tensor on the symmetry of its crystal, and look at what is left.

    Files have a symmetry to some digits only. So the operations that spglib finds are first given
    to cell and positions to the last digit; then nothing may be left but rounding, and of a cubic
    crystal a symmetric matrix is isotropic. What is left of the crystals as they are is measured.

    Args:
        tested: The model.
        crystals: At least one, by name.
        conditions: Of each, in their order.
        tolerance: Largest relative difference that passes.

    Yields:
        Two results, for a model that predicts tensors.
    """
    targets = [target for target in tested.targets if target.is_tensor]
    if not targets:
        return
    trial, settings = Trial(tested), tested.graph_settings
    parts: dict[str, list[tuple[str, dict[str, float]]]] = {"exact": [], "stored": []}
    largest = {target.name: 0.0 for target in targets}
    for row, (name, crystal) in enumerate(crystals.items()):
        given = conditions.select(np.array([row]))
        stored = Symmetry.of(crystal)
        if len(stored.rotations) == 1:
            continue
        enforced = Symmetry.of(stored.enforced())
        for what, symmetry in (("exact", enforced), ("stored", stored)):
            values = trial.of_crystal(symmetry.crystal, settings, given)
            projected = {
                target.name: symmetry.project(
                    target.tensor, values[target.name], target.scope is Scope.ATOM
                )
                for target in targets
            }
            parts[what].append((name, violations(values, projected)))
            for key, array in projected.items():
                largest[key] = max(largest[key], float(np.abs(array).max(initial=0.0)))
    scale = {key: tested.scale(key, size) for key, size in largest.items()}
    for what, reason, allowed in (
        ("exact", Reason.SYMMETRY, tolerance),
        ("stored", Reason.STORED_SYMMETRY, None),
    ):
        check = CHECK if what == "exact" else f"{CHECK}, as stored"
        worst = Worst(check, targets, scale)
        for name, wrong in parts[what]:
            worst.add(name, wrong)
        yield worst.result(reason, allowed, Reason.NO_SYMMETRY)
