"""Where data sets are kept between runs."""

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
    if sys.platform == "win32":
        local = os.environ.get("LOCALAPPDATA")
        base = Path(local) if local else Path.home() / "AppData" / "Local"
    elif sys.platform == "darwin":
        base = Path.home() / "Library" / "Caches"
    else:
        xdg = os.environ.get("XDG_CACHE_HOME", "")
        # The XDG specification says that a relative path is to be ignored.
        base = Path(xdg) if Path(xdg).is_absolute() else Path.home() / ".cache"
    return base.absolute() / "xtalgraph"
