"""Report: the page of a run, made again from its files."""

from pathlib import Path

from xtalgraph.conventions.errors import RunError
from xtalgraph.evidence.pages.pretraining import write_pretraining_page
from xtalgraph.evidence.pages.report import write_report
from xtalgraph.models.checkpoint import read_description
from xtalgraph.models.manifest import check_manifest
from xtalgraph.models.named_models import check_not_shipped, run_folder
from xtalgraph.workflows.run import Run


def report(run: str | Path) -> Path:
    """Write ``report.html`` of a finished run again.

    Args:
        run: The folder.

    Raises:
        ConfigError: If it is a model of the package, into whose folder nothing is written.
        RunError: If the run is not finished, or a file of it has changed or is damaged.
    """
    folder = run_folder(run)
    check_not_shipped(folder)
    if (folder / "model.json").is_file() and not read_description(folder)["model"]["targets"]:
        check_manifest(folder, evidence=True)
        return write_pretraining_page(folder)
    if not (folder / "metrics.json").is_file():
        raise RunError(
            f"{folder} holds no metrics.json: it is not a run folder, or its training has not "
            "ended; repeat its `xtalgraph train` command with --resume"
        )
    Run.open(folder)  # compares its files with the manifest
    return write_report(folder)
