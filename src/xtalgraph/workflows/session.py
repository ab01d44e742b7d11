"""How a training is run: what is shown, and whether a killed one goes on."""

from dataclasses import dataclass

from xtalgraph.training.reporting import Report, silent


@dataclass(frozen=True)
class Session:
    """How a training is run; no number depends on it."""

    progress: bool = False
    """Show progress bars on standard error."""
    resume: bool = True
    """Go on from the saved states of the same training, where there are any."""
    report: Report = silent
    """Told how far the training has come."""
