"""Models that have a name: those that come with the package, and those that were added."""

import re
from pathlib import Path
from typing import Final

from xtalgraph.conventions.errors import ConfigError, RunError
from xtalgraph.conventions.settings import nearest
from xtalgraph.data.cache import models_folder

SHIPPED: Final = Path(__file__).parent / "shipped"
"""A run folder for each model of the package; `scripts/train_shipped_models.py` makes them."""
NAME: Final = re.compile(r"[a-z0-9]([a-z0-9-]{0,58}[a-z0-9])?")
"""What a model may be called: the same folder on every system, and no path."""


def named_models() -> dict[str, Path]:
    """Return the run folder of each model that has a name, those of the package first."""
    return {
        folder.name: folder
        for home in (models_folder(), SHIPPED)  # nothing added takes the name of a shipped model
        for folder in sorted(home.glob("*"))
        if NAME.fullmatch(folder.name) and (folder / "model.json").is_file()
    }


def run_folder(run: str | Path) -> Path:
    """Return the run folder that is meant by its path or by the name of a model.

    Every verb that takes a run asks this function. A folder with a model comes before a name.

    Args:
        run: A path, or a name.

    Raises:
        RunError: If it is a single word, and neither a folder nor the name of a model.
    """
    path = Path(run)
    if (path / "model.json").is_file() or not NAME.fullmatch(str(run)):
        return path
    named = named_models()
    if str(run) in named or path.exists():
        return named.get(str(run), path)
    raise RunError(
        f"there is no run folder {str(run)!r} here, and no model of that name"
        f"{nearest(str(run), named)} (`xtalgraph models list`)"
    )


def check_not_shipped(folder: Path) -> None:
    """Refuse to write into the folder of a model of the package: a `ConfigError`."""
    if folder.resolve().parent == SHIPPED.resolve():
        raise ConfigError(
            f"{folder.name} is a model of the package, whose folder stays as it is: copy {folder}, "
            "and give the copy"
        )
