"""Building a store: in parallel, and going on where a killed build stopped."""

import json
import multiprocessing
import os
import shutil
import threading
from collections.abc import Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor, as_completed
from concurrent.futures.process import BrokenProcessPool
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import torch
from filelock import FileLock, Timeout
from tqdm import tqdm

from xtalgraph.conventions.errors import FileError, GraphError, StoreError
from xtalgraph.conventions.files import write_atomically
from xtalgraph.conventions.logs import log
from xtalgraph.crystals.crystal import Crystal
from xtalgraph.data.cache import cache_folder
from xtalgraph.data.store import DOCUMENT, TENSORS, GraphStore, document_digest
from xtalgraph.data.store_packing import FORMAT_VERSION, is_whole, join_parts, store_key, write_part
from xtalgraph.data.tensor_file import TensorFile
from xtalgraph.graphs.build import GraphSettings, build_supported

PART: Final = 256
"""Crystals in a part; a build that was killed loses the parts that were being built."""
_WORTH_A_PROCESS: Final = 8_000
"""Crystals; a new process imports for as long as it takes to build about so many graphs."""
_PARTS: Final = "parts"
LOCK: Final = "building.lock"
"""Held by the process that builds a store, and by one that removes it."""


def build_store(
    crystals: Sequence[Crystal],
    graph_settings: GraphSettings,
    folder: str | Path | None = None,
    *,
    workers: int | None = None,
    progress: bool = False,
) -> GraphStore:
    """Build the graphs of a data set on disk, or open them if they are there already.

    A store in the folder is used only if it was made from the same, see `store_key`, and matches
    its checksum; otherwise it is built anew, and a warning says so. A build that was killed goes
    on where it stopped. A crystal of which no graph can be built is in
    `GraphStore.unsupported`.

    Args:
        crystals: What the graphs are built from.
        graph_settings: How.
        folder: Where to; made if it is not there. None is a folder of the cache that is named by
            what it is made from.
        workers: Processes that build. None takes one for every 8,000 crystals, at most one for
            each core. With more than one, a script needs ``if __name__ == "__main__":``.
        progress: Show a progress bar on standard error.

    Raises:
        GraphError: If no crystal is left.
        StoreError: If the folder cannot be written, or a process died.

    >>> import tempfile
    >>> from xtalgraph.graphs.strategies import Radius
    >>> from xtalgraph.testing.crystals import contract_crystals
    >>> crystals = list(contract_crystals().values())
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     store = build_store(crystals, GraphSettings(Radius(4.0)), folder)
    ...     batch = store.select([0, 2, 2])
    >>> batch
    CrystalGraph(3 crystals, 11 atoms, 150 edges, torch.float64, cpu)
    """
    key = store_key(crystals, graph_settings)
    folder = cache_folder() / "graphs" / key[:32] if folder is None else Path(folder)
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with _alone(folder):
            store = _usable(folder, key)
            if store is not None:
                log.info("graphs are reused from %s", folder)
                return store
            _build(_parts_of(crystals, graph_settings, folder, key), workers, progress)
            _finish(folder, key, crystals, graph_settings)
            log.info("graphs are saved in %s", folder)
            return GraphStore.open(folder, key)
    except (OSError, FileError) as error:
        raise StoreError(
            f"the store of graphs {folder} cannot be written: {error}. Choose another place, in a "
            "training by XTALGRAPH_CACHE, or keep no graphs there by data.store=false"
        ) from error


@dataclass(frozen=True, eq=False)
class _Part:
    """Some consecutive crystals of a store, and the file for their graphs."""

    path: Path
    start: int
    crystals: Sequence[Crystal]
    graph_settings: GraphSettings
    key: str

    @property
    def labels(self) -> dict[str, str]:
        """By which the file of this part, of this store, is known again."""
        return {"key": self.key, "start": str(self.start), "crystals": str(len(self.crystals))}

    def is_there(self) -> bool:
        """Whether the file is there, whole, and made from the same."""
        if not self.path.is_file():
            return False
        try:
            part = TensorFile.open(self.path)
        except StoreError as error:
            log.warning("%s; it is built again", error)
            return False
        if not is_whole(part):
            log.warning("%s does not match its checksum; it is built again", self.path)
            return False
        return self.labels.items() <= part.metadata.items()

    def build(self) -> int:
        """Build the graphs, write them, and return how many crystals they were made from."""
        graph, unsupported = build_supported(self.crystals, self.graph_settings)
        write_part(self.path, graph, unsupported, self.labels)
        return len(self.crystals)


def _parts_of(
    crystals: Sequence[Crystal], graph_settings: GraphSettings, folder: Path, key: str
) -> list[_Part]:
    (folder / _PARTS).mkdir(exist_ok=True)
    return [
        _Part(_path_of(folder, start), start, crystals[start : start + PART], graph_settings, key)
        for start in range(0, len(crystals), PART)
    ]


def _path_of(folder: Path, start: int) -> Path:
    return folder / _PARTS / f"{start:09d}.safetensors"


def _usable(folder: Path, key: str) -> GraphStore | None:
    if not (folder / DOCUMENT).is_file():
        return None
    try:
        store = GraphStore.open(folder, key)
        store.verify()
    except StoreError as error:
        log.warning("%s; this is done now", error)
        return None
    return store


def _build(parts: Sequence[_Part], workers: int | None, progress: bool) -> None:
    missing = [part for part in parts if not part.is_there()]
    total = sum(len(part.crystals) for part in parts)
    todo = sum(len(part.crystals) for part in missing)
    if workers is None:
        workers = min(os.cpu_count() or 1, todo // _WORTH_A_PROCESS)
    with tqdm(
        total=total, initial=total - todo, desc="graphs", unit="crystal", disable=not progress
    ) as bar:
        for done in _in_parallel(missing, workers) if workers > 1 else map(_Part.build, missing):
            bar.update(done)


def _in_parallel(parts: Sequence[_Part], workers: int) -> Iterator[int]:
    # Not by fork, which copies the locks of torch's threads in whatever state they are.
    context = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(workers, mp_context=context, initializer=_start_worker) as pool:
        try:
            for future in as_completed([pool.submit(part.build) for part in parts]):
                yield future.result()
        except BrokenProcessPool as error:
            raise StoreError(
                "a process that builds graphs died. In a script, put what runs under "
                '`if __name__ == "__main__":`; if memory was short, take fewer workers. What is '
                "built is kept: repeat the command to go on"
            ) from error
        finally:
            pool.shutdown(cancel_futures=True)


def _start_worker() -> None:
    """Use one thread, and end with the parent, even if that was killed."""
    torch.set_num_threads(1)
    parent = multiprocessing.parent_process()
    if parent is None:
        raise StoreError("a process that builds graphs has no parent")

    def leave() -> None:
        parent.join()
        os._exit(1)

    threading.Thread(target=leave, daemon=True).start()


def _finish(
    folder: Path, key: str, crystals: Sequence[Crystal], graph_settings: GraphSettings
) -> None:
    """Join the parts, write the document that makes it a store, and remove the parts."""
    starts = range(0, len(crystals), PART)
    paths = [_path_of(folder, start) for start in starts]
    unsupported = [
        [start + index, reason]
        for start, path in zip(starts, paths, strict=True)
        for index, reason in json.loads(TensorFile.open(path).metadata["refused"])
    ]
    if len(unsupported) == len(crystals):
        first = f": {unsupported[0][1]}" if unsupported else ""
        raise GraphError(f"no graph can be built of any of the {len(crystals)} crystals{first}")
    (folder / DOCUMENT).unlink(missing_ok=True)  # what it says is no longer true
    joined = join_parts(paths, folder / TENSORS)
    document = {
        "format": FORMAT_VERSION,
        "key": key,
        "recipe": graph_settings.settings(),
        "crystals": len(crystals),
        "refused": unsupported,
        **joined,
    }
    document["document_sha256"] = document_digest(document)
    write_atomically(folder / DOCUMENT, json.dumps(document, indent=1))
    shutil.rmtree(folder / _PARTS)


@contextmanager
def _alone(folder: Path) -> Iterator[None]:
    """Keep other processes from building the same store; the lock ends with its process."""
    lock = FileLock(folder / LOCK)
    try:
        lock.acquire(timeout=0)
    except Timeout:
        log.info("another process is building %s: waiting for it", folder)
        lock.acquire()
    try:
        for leftover in folder.glob("*.part"):
            leftover.unlink()
        yield
    finally:
        lock.release()
