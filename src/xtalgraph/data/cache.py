"""Where data sets and added models are kept between runs."""

import os
import sys
from pathlib import Path


def cache_folder() -> Path:
    r"""Folder in which fetched and computed data sets are kept; it need not exist yet.

    ``$XTALGRAPH_CACHE`` where it is set, otherwise the platform's place for caches:
    ``$XDG_CACHE_HOME/xtalgraph`` or ``~/.cache/xtalgraph`` on Linux,
    ``~/Library/Caches/xtalgraph`` on macOS, ``%LOCALAPPDATA%\xtalgraph`` on Windows.
    """
    if chosen := os.environ.get("XTALGRAPH_CACHE"):
        return Path(chosen).expanduser().absolute()
    return _of_user("XDG_CACHE_HOME", ".cache", "Caches")


def models_folder() -> Path:
    r"""Folder of the models that ``xtalgraph models add`` has added; it need not exist yet.

    ``$XTALGRAPH_MODELS`` where it is set, otherwise ``models`` in the platform's place for data:
    ``$XDG_DATA_HOME/xtalgraph`` or ``~/.local/share/xtalgraph`` on Linux,
    ``~/Library/Application Support/xtalgraph`` on macOS, ``%LOCALAPPDATA%\xtalgraph`` on Windows.
    """
    if chosen := os.environ.get("XTALGRAPH_MODELS"):
        return Path(chosen).expanduser().absolute()
    return _of_user("XDG_DATA_HOME", ".local/share", "Application Support") / "models"


def _of_user(variable: str, linux: str, macos: str) -> Path:
    if sys.platform == "win32":
        local = os.environ.get("LOCALAPPDATA")
        base = Path(local) if local else Path.home() / "AppData" / "Local"
    elif sys.platform == "darwin":
        base = Path.home() / "Library" / macos
    else:
        xdg = os.environ.get(variable, "")
        # The XDG specification says that a relative path is to be ignored.
        base = Path(xdg) if Path(xdg).is_absolute() else Path.home() / linux
    return base.absolute() / "xtalgraph"
