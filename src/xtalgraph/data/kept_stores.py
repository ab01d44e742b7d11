"""The stores of graphs that trainings have left in the cache: what is there, and taking it away."""

import re
import shutil
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any, Final

from filelock import FileLock, Timeout

from xtalgraph.conventions.documents import read_document
from xtalgraph.conventions.errors import StoreError, XtalgraphError
from xtalgraph.data.cache import cache_folder
from xtalgraph.data.store import DOCUMENT
from xtalgraph.data.store_building import LOCK
from xtalgraph.data.store_packing import FORMAT_VERSION

_NAME: Final = re.compile(r"[0-9a-f]{32}")
"""What `build_store` calls a folder of the cache; nothing else there is touched."""


@dataclass(frozen=True)
class KeptStore:
    """A folder of the cache with the graphs of a data set, or with parts of them."""

    folder: Path
    bytes: int
    built: datetime
    """When it was last written to, in local time."""
    crystals: int | None
    """How many crystals it was made from; None where it is not complete, or of
    another version."""
    graph_settings: dict[str, Any] | None
    """How its graphs were built; None where it is not complete."""

    def remove(self) -> None:
        """Remove it. A process that has it open goes on with it.

        Raises:
            StoreError: If another process is building it, or it cannot be removed.
        """
        try:
            with FileLock(self.folder / LOCK, timeout=0):
                shutil.rmtree(self.folder)
        except Timeout:
            raise StoreError(
                f"{self.folder} is being built by another process: wait for it, or end it"
            ) from None
        except OSError as error:
            raise StoreError(f"{self.folder} cannot be removed: {error}") from error


def kept_stores() -> list[KeptStore]:
    """Return the stores of graphs in the cache, the oldest first."""
    stores_folder = cache_folder() / "graphs"
    folders = (
        [path for path in stores_folder.iterdir() if path.is_dir()]
        if stores_folder.is_dir()
        else []
    )
    stores = [_look_at(folder) for folder in folders if _NAME.fullmatch(folder.name)]
    return sorted(stores, key=lambda store: (store.built, store.folder))


@dataclass(frozen=True)
class Cache:
    """The stores of graphs in the cache, and what became of them."""

    folder: Path
    stores: tuple[KeptStore, ...]
    """All that there were, the oldest first."""
    cleared: bool
    """Whether they were to be removed."""
    left: dict[Path, str]
    """Why some could not be removed, by folder."""


def cache(*, clear: bool = False) -> Cache:
    """List the stores of graphs in the cache, or remove them.

    Args:
        clear: Remove them all.
    """
    stores, left = tuple(kept_stores()), {}
    for store in stores if clear else ():
        try:
            store.remove()
        except StoreError as error:
            left[store.folder] = str(error)
    return Cache(cache_folder() / "graphs", stores, clear, left)


def _look_at(folder: Path) -> KeptStore:
    files = [path.stat() for path in folder.rglob("*") if path.is_file()]
    written = max([folder.stat().st_mtime, *(file.st_mtime for file in files)])
    crystals, graph_settings = _header(folder / DOCUMENT)
    return KeptStore(
        folder=folder,
        bytes=sum(file.st_size for file in files),
        built=datetime.fromtimestamp(written),
        crystals=crystals,
        graph_settings=graph_settings,
    )


def _header(document: Path) -> tuple[int | None, dict[str, Any] | None]:
    """Return the number of crystals and the graph settings; None where a store has none."""
    if not document.is_file():
        return None, None
    try:
        values = read_document(document, largest=2**30)
    except XtalgraphError:
        return None, None
    crystals, graph_settings = values.get("crystals"), values.get("recipe")
    if values.get("format") != FORMAT_VERSION or not isinstance(graph_settings, dict):
        return None, None
    return (crystals if isinstance(crystals, int) else None), graph_settings
