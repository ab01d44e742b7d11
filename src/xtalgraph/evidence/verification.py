"""Verify: a model is checked on given crystals for what must not change its predictions."""

from collections.abc import Mapping
from dataclasses import dataclass
from itertools import islice
from typing import Any, Final

from xtalgraph.crystals.crystal import Crystal
from xtalgraph.data.conditions import ConditionValues
from xtalgraph.evidence.energy_conservation import check_conservation
from xtalgraph.models.check_result import CheckResult
from xtalgraph.models.checks import run_checks
from xtalgraph.models.model_under_test import ModelUnderTest

MOVED: Final = 8
"""Crystals of which the one with the smallest forces is moved in time."""


@dataclass(frozen=True)
class Verification:
    """The checks of a model."""

    results: tuple[CheckResult, ...]
    """In the order in which they were tried."""
    crystals: tuple[str, ...]
    """On which crystals."""

    @property
    def failures(self) -> tuple[CheckResult, ...]:
        """The checks that failed."""
        return tuple(result for result in self.results if not result.passed)

    def as_dict(self) -> dict[str, Any]:
        """Return plain values."""
        return {
            "passed": not self.failures,
            "crystals": list(self.crystals),
            "results": [result.as_dict() for result in self.results],
        }


def verify(
    tested: ModelUnderTest,
    crystals: Mapping[str, Crystal],
    conditions: ConditionValues | None = None,
    *,
    calculator: Any = None,
    progress: bool = False,
) -> Verification:
    """Check a model on crystals, in float64 where a check is exact.

    Args:
        tested: The model.
        crystals: At least one, by name. The strategy supports all of them, and rounding decides
            none of their edges (`xtalgraph.graphs.margin.is_decided`).
        conditions: Of each, in their order, where the model reads them.
        calculator: Of ASE, of the same potential, for molecular dynamics; None for none.
        progress: Show a progress bar on standard error.

    Raises:
        InputError: If the model reads conditions, and not every crystal has them.

    >>> import numpy as np
    >>> import torch
    >>> from xtalgraph.data.targets import Kind, Target
    >>> from xtalgraph.graphs.build import GraphSettings
    >>> from xtalgraph.graphs.strategies import Radius
    >>> class MeanNumber(torch.nn.Module):
    ...     def forward(self, graph):
    ...         total = torch.zeros(len(graph), dtype=torch.float64)
    ...         total = total.index_add(0, graph.crystal_of_atom, graph.number.double())
    ...         return total / graph.num_atoms
    >>> sites, numbers = np.array([[0.0] * 3, [2.0] * 3]), np.array([55, 17])
    >>> salt = Crystal(4.0 * np.eye(3), sites, numbers, np.ones(3, bool))
    >>> total = Target("energy", Kind.EXTENSIVE, "eV")
    >>> tested = ModelUnderTest(MeanNumber(), GraphSettings(Radius(5.0)), (total,))
    >>> verification = verify(tested, {"CsCl": salt})
    >>> [(one.check, one.violation, one.unit) for one in verification.failures]
    [('supercell', 36.0, 'eV')]
    """
    results = [*run_checks(tested, crystals, conditions, progress=progress)]
    if calculator is not None:
        few = dict(islice(crystals.items(), MOVED))
        results += check_conservation(calculator, few)
    return Verification(tuple(results), tuple(crystals))
