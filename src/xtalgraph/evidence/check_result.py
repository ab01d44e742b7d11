"""What came out of one demand on a model: how far it was off, where, and what is allowed."""

import math
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from enum import StrEnum
from typing import Any, final

import numpy as np
from jaxtyping import Float

from xtalgraph.data.targets import Target


class Status(StrEnum):
    """What came out of a demand."""

    PASSED = "pass"
    """It holds."""
    FAILED = "fail"
    """It does not."""
    MEASURED = "measured"
    """It cannot hold exactly, by design: what it comes to is told, without a verdict."""
    NOT_APPLICABLE = "n/a"
    """There is nothing to try; the reason says why."""


@dataclass(frozen=True)
class CheckResult:
    """What came out of one demand."""

    check: str
    """What must not matter, or must hold."""
    status: Status
    """What came out."""
    reason: str
    """Why so much is allowed; or why there is no verdict."""
    violation: float | None = None
    """The largest, in ``unit``; None where nothing was tried, or it is not a finite number."""
    unit: str = ""
    """Of the violation; empty where the target has none."""
    relative: float | None = None
    """The violation over the largest prediction of the target in the sample."""
    tolerance: float | None = None
    """Largest relative violation that passes."""
    target: str = ""
    """Which of the targets it is worst for."""
    crystal: str = ""
    """On which crystal it is worst; empty where nothing is off on any."""
    tried: int = 0
    """On how many crystals it was tried."""

    def as_dict(self) -> dict[str, Any]:
        """Return plain values."""
        return asdict(self) | {"status": str(self.status)}


@final
class Worst:
    """Collects violations of one demand, of which the worst is told.

    Args:
        check: What is tried.
        targets: One for each column of the violations.
        scale: The largest prediction of each in the sample.
        per: What the unit of the target is divided by: ``/Å`` for slopes.
    """

    def __init__(
        self,
        check: str,
        targets: Sequence[Target],
        scale: Float[np.ndarray, " columns"],
        per: str = "",
    ) -> None:
        self.check = check
        self._targets, self._scale, self._per = targets, scale, per
        self._seen: list[tuple[float, float, str, int]] = []

    def add(self, crystal: str, violations: Float[np.ndarray, " columns"]) -> None:
        """Add what was found on a crystal.

        Args:
            crystal: Its name.
            violations: In the unit of each target.
        """
        relative = violations / self._scale
        column = int(np.argmax(relative))
        self._seen.append((float(relative[column]), float(violations[column]), crystal, column))

    def result(self, reason: str, tolerance: float | None, absent: str = "") -> CheckResult:
        """Return what came out.

        Args:
            reason: Why so much is allowed.
            tolerance: Largest relative violation that passes; None where there is no verdict.
            absent: Why nothing was tried, if it was not.
        """
        if not self._seen:
            return CheckResult(self.check, Status.NOT_APPLICABLE, absent)
        relative, violation, crystal, column = max(self._seen)
        if tolerance is None:
            status = Status.MEASURED
        else:
            status = Status.PASSED if relative <= tolerance else Status.FAILED
        target, known = self._targets[column], math.isfinite(relative)
        unit = "log-odds" if target.is_class else target.unit
        return CheckResult(
            self.check,
            status,
            reason,
            violation if known else None,
            f"{unit}{self._per}" if unit or not self._per else f"1{self._per}",
            relative if known else None,
            tolerance,
            target.name,
            crystal if relative > 0.0 else "",
            len(self._seen),
        )
