"""Report: the page of a run, made again from its files."""

import csv
from pathlib import Path

from xtalgraph.conventions.documents import DAMAGE
from xtalgraph.conventions.errors import RunError
from xtalgraph.evidence.pages.report import write_report
from xtalgraph.workflows.run import Run


def report(run: str | Path) -> Path:
    """Write ``report.html`` of a finished run again.

    Args:
        run: The folder.

    Returns:
        The page.

    Raises:
        RunError: If the run is not finished, or a file of it has changed.
    """
    folder = Path(run)
    if not (folder / "metrics.json").is_file():
        raise RunError(
            f"{folder} holds no metrics.json: it is not a run folder, or its training has not "
            "ended; repeat its `xtalgraph train` command with --resume"
        )
    Run.open(folder)  # compares its files with the manifest
    try:
        return write_report(folder)
    except (csv.Error, *DAMAGE) as error:
        raise RunError(
            f"the report of {folder} cannot be made: a file there holds something else than "
            f"xtalgraph writes ({error!r}). verify.json can be made again by `xtalgraph verify`; "
            "any other is to be put back"
        ) from error
