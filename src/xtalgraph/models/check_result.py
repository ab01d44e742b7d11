"""What a check of a model found: how far it was off, where, and how much is allowed."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from enum import StrEnum
from typing import Any, final

from xtalgraph.data.targets import Target


class Status(StrEnum):
    """What came out of a check."""

    PASSED = "pass"
    """It holds."""
    FAILED = "fail"
    """It does not."""
    MEASURED = "measured"
    """It cannot hold exactly, by design: the size is given, without a verdict."""
    NOT_APPLICABLE = "n/a"
    """There is nothing to try; the reason says why."""


class Reason(StrEnum):
    """Why so much is allowed, or why there is no verdict."""

    FINITE = "finite"
    ROUNDING = "rounding"
    MEASURED_ROUNDING = "measured rounding"
    SAME_BITS = "same bits"
    CONTINUOUS = "continuous"
    DIFFERENCES = "differences of energies"
    FRAGMENTS = "fragments apart"
    DYNAMICS = "dynamics"
    HALF_STEP = "half step"
    MERGED = "merged distances"
    SYMMETRY = "symmetry of crystals"
    STORED_SYMMETRY = "symmetry as stored"
    NO_SYMMETRY = "no symmetry"
    SINGLE_PRECISION = "single precision"
    RANKS = "ranks change"
    LONG_RANGE = "long range"
    NOT_PERIODIC = "not periodic"
    NO_LATTICE = "no lattice"
    NOT_REDUCIBLE = "not reducible"
    NOT_REDUCED = "not reduced"
    NO_RUN = "no run"
    NO_GPU = "no GPU"
    NOT_SINGLE = "not single precision"
    BY_RANK = "neighbours by rank"
    NO_CHANGE = "no change of ranks"
    LONG_RANGED_TERM = "long-ranged term"
    NOT_COMPUTED = "not computed"
    ENDED = "trajectory ended"


@dataclass(frozen=True)
class CheckResult:
    """What came out of one check on some crystals."""

    check: str
    """What must not change a prediction, or must hold."""
    status: Status
    """What came out."""
    reason: Reason
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
    """The target for which it is worst."""
    crystal: str = ""
    """The crystal on which it is worst; empty where nothing is off on any."""
    tried: int = 0
    """On how many crystals it was tried."""
    details: Mapping[str, Any] = field(default_factory=dict)
    """Numbers and names that belong to the reason."""

    @property
    def passed(self) -> bool:
        """Whether it did not fail."""
        return self.status is not Status.FAILED

    def as_dict(self) -> dict[str, Any]:
        """Return plain values."""
        return asdict(self) | {"status": str(self.status), "reason": str(self.reason)}


@final
class Worst:
    """Collects the violations of one check, and keeps the worst.

    Args:
        check: What is tried.
        targets: What is predicted.
        scale: The largest prediction of each target in the sample, by name.
        per: What the unit of the target is divided by: ``/Å`` for slopes.
    """

    def __init__(
        self, check: str, targets: Sequence[Target], scale: Mapping[str, float], per: str = ""
    ) -> None:
        self.check = check
        self._targets, self._scale, self._per = targets, scale, per
        self._violations: list[tuple[float, float, str, int]] = []

    def add(self, crystal: str, violations: Mapping[str, float]) -> None:
        """Add the violations of a crystal, by target in its unit; infinite where not finite."""
        violations_of = [
            (
                violations[target.name] / self._scale[target.name],
                violations[target.name],
                crystal,
                n,
            )
            for n, target in enumerate(self._targets)
        ]
        self._violations.append(max(violations_of, key=lambda measured: measured[0]))

    def result(
        self,
        reason: Reason,
        tolerance: float | None,
        absent: Reason = Reason.NOT_COMPUTED,
        **details: Any,
    ) -> CheckResult:
        """Return what came out.

        Args:
            reason: Why so much is allowed.
            tolerance: Largest relative violation that passes; None where there is no verdict.
            absent: Why nothing was tried, if it was not.
            **details: Numbers and names that belong to the reason.
        """
        if not self._violations:
            return CheckResult(self.check, Status.NOT_APPLICABLE, absent, details=details)
        relative, violation, crystal, index = max(self._violations)
        if tolerance is None:
            status = Status.MEASURED
        else:
            status = Status.PASSED if relative <= tolerance else Status.FAILED
        target, known = self._targets[index], math.isfinite(relative)
        unit = target.raw_unit
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
            len(self._violations),
            details,
        )
