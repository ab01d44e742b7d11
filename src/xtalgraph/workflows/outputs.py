"""Where results may be written: never over what is read, nor over a file of a run."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

from xtalgraph.conventions.errors import ConfigError
from xtalgraph.crystals.reading import format_of

_FILES: Final = {
    *("config.yaml", "split.json", "model.json", "model.safetensors", "manifest.json"),
    *("intervals.json", "training_set.safetensors", "predictions.csv", "metrics.json"),
    *("worst.json", "structures.json", "record.json", "card.md", "report.html", "log.csv"),
    *("rejected.csv", "verify.json", "diagnose.json", "diagnose.html", "smoothing.json"),
}
"""Files that trainings and what is asked of a run write into its folder."""
_FOLDERS: Final = {"predictions", "state", "members", "figures", "diagnose"}
"""Its folders."""


def check_output(path: Path, sources: Any = ()) -> None:
    """Refuse to write over what is read, or over a file of a run: a `ConfigError`."""
    if format_of(path) or path.name == "id_prop.csv":
        raise ConfigError(
            f"{path} has the name of a file of crystals, and results are written there: choose "
            "another name"
        )
    resolved = path.resolve()
    if any(source == resolved for source in paths_in(sources)):
        raise ConfigError(
            f"{path} is what is read, and would be lost: choose another file for the results"
        )
    for folder in resolved.parents:
        inside = resolved.relative_to(folder).parts
        of_run = inside[0] in _FOLDERS if len(inside) > 1 else inside[0] in _FILES
        if of_run and (folder / "model.json").is_file():
            raise ConfigError(
                f"{path} is a file of the run {folder}, and would be lost: choose another file "
                "for the results"
            )


def paths_in(sources: Any) -> Iterator[Path]:
    """Yield the paths among what is read, resolved."""
    for source in sources if isinstance(sources, list | tuple) else [sources]:
        if isinstance(source, str | Path):
            yield Path(source).resolve()
