"""The packed store: the graphs of a whole data set in one file, of which batches are slices."""

import dataclasses
import hashlib
import json
from collections.abc import Callable, Mapping, Sequence
from math import prod
from pathlib import Path
from typing import Any, Final, final

import numpy as np
import torch
from jaxtyping import Int
from torch import Tensor

from xtalgraph.conventions.documents import DAMAGE, read_document
from xtalgraph.conventions.errors import StoreError
from xtalgraph.data.store_packing import FORMAT_VERSION, KINDS, fields_of, name_of_first
from xtalgraph.data.tensor_file import TensorFile
from xtalgraph.graphs.build import UnsupportedStructure
from xtalgraph.graphs.graph import COUNTS, Graph, Scope

DOCUMENT: Final = "store.json"
"""Says what the store was made from; it is written last, so where it is, all is there."""
TENSORS: Final = "graphs.safetensors"
"""One array for each field, and the first row of each crystal in each scope."""

_LARGEST: Final = 2**30
"""Bytes of the document: it lists the crystals that have no graph."""

Chosen = Int[Tensor, " chosen"] | Int[np.ndarray, " chosen"] | Sequence[int]
"""Indices of crystals."""


@final
class GraphStore:
    """The graphs of a data set on disk. Opening reads a header; a batch reads its own rows.

    Make one with `xtalgraph.data.store_building.build_store`.
    """

    def __init__(self, folder: Path, document: dict[str, Any], file: TensorFile) -> None:
        self.folder = folder
        self.kind = KINDS[document["graph"]]
        """The type of the graphs."""
        self.key: str = document["key"]
        """What the store was made from, see `store_key`."""
        self.unsupported = tuple(UnsupportedStructure(*row) for row in document["refused"])
        """The crystals that have no graph, and are not in the store."""
        self.rows_of = {Scope(name): int(rows) for name, rows in document["rows"].items()}
        """Number of crystals, and of rows of every other scope."""
        self._given: int = document["crystals"]
        self._sha256: str = document["sha256"]
        self._dtypes = {name: np.dtype(text) for name, text in document["dtypes"].items()}
        self._file, self._arrays = file, file.arrays
        self._first = {scope: file.arrays[name_of_first(scope)] for scope in COUNTS}

    @classmethod
    def open(cls, folder: str | Path, key: str | None = None) -> "GraphStore":
        """Open a store. Sizes are checked, and what it was made from; see also `verify`.

        Args:
            folder: The store.
            key: What it must have been made from, see `store_key`; None takes any.

        Raises:
            StoreError: If it is missing, incomplete or damaged, of another version, or stale.
        """
        folder = Path(folder)
        document = _document_of(folder)
        if key is not None and document.get("key") != key:
            raise StoreError(
                f"the store {folder} was made from other crystals, other settings of the graph or "
                "by another version: build it anew"
            )
        path = folder / TENSORS
        try:
            if not path.is_file() or path.stat().st_size != document["bytes"]:
                raise StoreError(
                    f"{path} has not the {document['bytes']} bytes written: build it anew"
                )
            kind = KINDS.get(document["graph"])
            if kind is None or set(fields_of(kind)) != set(document["dtypes"]):
                raise StoreError(f"{folder} holds graphs of another version: build it anew")
            file = TensorFile.open(path)
            _check_rows(kind, document, file)
            store = cls(folder, document, file)
        except DAMAGE as error:
            raise StoreError(f"{folder} is damaged: {error}: build it anew") from error
        file.expect_random_access(True)
        return store

    def verify(self) -> None:
        """Read the whole store and compare it with its checksum.

        Raises:
            StoreError: If they differ.
        """
        path = self.folder / TENSORS
        with path.open("rb") as file:
            digest = hashlib.file_digest(file, "sha256")
        if digest.hexdigest() != self._sha256:
            raise StoreError(f"{path} does not match its checksum: build it anew")

    def __reduce__(self) -> tuple[Callable[..., "GraphStore"], tuple[Path, str]]:
        return GraphStore.open, (self.folder, self.key)  # another process maps the same files

    def __len__(self) -> int:
        return self.rows_of[Scope.CRYSTAL]

    def __repr__(self) -> str:
        rows = ", ".join(f"{count} {scope}s" for scope, count in self.rows_of.items())
        return f"GraphStore({self.folder}: {self.kind.__name__}, {rows})"

    @property
    def kept(self) -> Int[np.ndarray, " kept"]:
        """For each crystal of the store, its place among those that it was built from."""
        unsupported = [structure.index for structure in self.unsupported]
        return np.delete(np.arange(self._given), unsupported)

    @property
    def bytes_in_memory(self) -> int:
        """What the graph of all crystals takes once it is loaded."""
        return sum(
            prod(self._arrays[name].shape) * dtype.itemsize for name, dtype in self._dtypes.items()
        )

    def select(self, crystals: Chosen) -> Graph:
        """Return the graph of some of the crystals, in the given order; repeats are allowed.

        It equals, to the bit, what `Graph.select` gives of the graph in memory.

        Args:
            crystals: Indices of crystals in the store.

        Raises:
            StoreError: If one is not in the store.
        """
        chosen = self._checked(crystals)
        rows, counts = {Scope.CRYSTAL: chosen}, {}
        for scope, first in self._first.items():
            start = first[chosen]
            counts[scope] = first[chosen + 1] - start
            rows[scope] = _ranges(start, counts[scope])
        selected = {}
        for field in dataclasses.fields(self.kind):
            scope, target = field.metadata["scope"], field.metadata["points_to"]
            value = self._arrays[field.name].take(rows[scope], axis=0)
            value = value.astype(self._dtypes[field.name], copy=False)
            if target is not None:
                value += np.repeat(np.cumsum(counts[target]) - counts[target], counts[scope])
            selected[field.name] = torch.from_numpy(value)
        return self.kind(**selected)

    def sizes(self, scope: Scope, crystals: Chosen) -> Int[np.ndarray, " chosen"]:
        """Return how many rows of a scope some of the crystals have.

        Args:
            scope: Atom, edge, or another that is counted.
            crystals: Indices of crystals in the store.

        Raises:
            StoreError: If one is not in the store.
        """
        chosen = self._checked(crystals)
        return self._first[scope][chosen + 1] - self._first[scope][chosen]

    def load(self) -> Graph:
        """Return the graph of all crystals, in memory."""
        self._file.expect_random_access(False)
        graph = self.select(np.arange(len(self)))
        self._file.expect_random_access(True)
        return graph

    def _checked(self, crystals: Chosen) -> Int[np.ndarray, " chosen"]:
        chosen = np.asarray(crystals)
        if len(chosen) and not np.issubdtype(chosen.dtype, np.integer):
            raise StoreError(f"crystals are selected by their whole numbers, got {chosen.dtype}")
        chosen = chosen.astype(np.int64)
        if len(chosen) and not (chosen.min() >= 0 and chosen.max() < len(self)):
            wrong = chosen[(chosen < 0) | (chosen >= len(self))][0]
            raise StoreError(f"there is no crystal {wrong} in {self.folder}, it has {len(self)}")
        return chosen


def document_digest(document: Mapping[str, Any]) -> str:
    """Return the SHA-256 of the description of a store, which is kept with it."""
    return hashlib.sha256(json.dumps(document, sort_keys=True).encode()).hexdigest()


def _document_of(folder: Path) -> dict[str, Any]:
    """Return the content of ``store.json``, if it is as it was written."""
    path = folder / DOCUMENT
    if not path.is_file():
        raise StoreError(f"{folder} holds no store: there is no {DOCUMENT}")
    document = read_document(path, largest=_LARGEST, error=StoreError)
    if document.get("format") != FORMAT_VERSION:
        raise StoreError(
            f"{folder} is not in the format {FORMAT_VERSION} of this version: build it anew"
        )
    if document.pop("document_sha256", None) != document_digest(document):
        raise StoreError(f"{path} does not match its own checksum: build it anew")
    return document


def _check_rows(kind: type[Graph], document: Mapping[str, Any], file: TensorFile) -> None:
    """Raise a ValueError where the arrays have not the rows that the document and they tell."""
    rows = {Scope(name): int(count) for name, count in document["rows"].items()}
    given, unsupported = document["crystals"], document["refused"]
    places = {index for index, reason in unsupported if isinstance(reason, str)}
    inside = all(type(index) is int and 0 <= index < given for index in places)
    if len(places) != len(unsupported) or not inside:
        raise ValueError("the crystals without a graph are not some of the crystals")
    if given - len(places) != rows[Scope.CRYSTAL]:
        raise ValueError(f"{given} crystals less {len(places)} are not {rows[Scope.CRYSTAL]}")
    for scope in COUNTS:
        first = file.arrays[name_of_first(scope)]
        if first.shape != (rows[Scope.CRYSTAL] + 1,) or first[0] != 0 or first[-1] != rows[scope]:
            raise ValueError(f"the first rows of each {scope} are not those of its {rows[scope]}")
        if (np.diff(first) < 0).any():
            raise ValueError(f"the first rows of each {scope} do not ascend")
    for field in dataclasses.fields(kind):
        shape = file.arrays[field.name].shape[:1]
        if shape != (rows[field.metadata["scope"]],):
            raise ValueError(f"{field.name} has {shape} rows")
        if np.dtype(document["dtypes"][field.name]).kind not in "bif":
            raise ValueError(f"{field.name} is of no type that a graph has")


def _ranges(
    start: Int[np.ndarray, " chosen"], counts: Int[np.ndarray, " chosen"]
) -> Int[np.ndarray, " rows"]:
    """Return start, start + 1, ... of each, one after the other, `counts` of them."""
    shift = np.repeat(start - (np.cumsum(counts) - counts), counts)
    return shift + np.arange(len(shift))
