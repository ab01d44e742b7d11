"""From graphs to the arrays of a store: each number as narrow as it goes, indices from 0."""

import dataclasses
import hashlib
import json
from collections.abc import Mapping, Sequence
from importlib.metadata import version
from pathlib import Path
from typing import Any, Final

import numpy as np
from jaxtyping import Int

from xtalgraph.crystals.crystal import Crystal
from xtalgraph.data.tensor_file import Column, TensorFile, write_tensors
from xtalgraph.graphs.build import BUILDER_VERSION, GraphSettings, UnsupportedStructure
from xtalgraph.graphs.crystal_graph import CrystalGraph
from xtalgraph.graphs.graph import COUNTS, Graph, Scope
from xtalgraph.graphs.invariant_graph import InvariantGraph

FORMAT_VERSION: Final = 2
"""Of the files of a store; raised when they change. 2 has a checksum of ``store.json`` and of each
part."""
KINDS: Final[Mapping[str, type[Graph]]] = {"crystal": CrystalGraph, "invariant": InvariantGraph}
"""The kinds of graph that a store can hold, by their name on disk."""
_DECIDING: Final = ("vesin", "pymatgen-core")
"""The libraries that find neighbours and bonds: another version may find others."""


def store_key(crystals: Sequence[Crystal], graph_settings: GraphSettings) -> str:
    """Return the SHA-256 of all that decides what a store holds.

    That is every crystal to the bit, in order; every setting of the graphs; the versions of the
    builder, of the libraries that find neighbours and of the format; and the fields of a graph.
    """
    made_by = {
        "format": FORMAT_VERSION,
        "builder": BUILDER_VERSION,
        "libraries": {name: version(name) for name in _DECIDING},
        "fields": {name: fields_of(kind) for name, kind in KINDS.items()},
        "recipe": graph_settings.settings(),
    }
    digest = hashlib.sha256(json.dumps(made_by, sort_keys=True).encode())
    for crystal in crystals:
        digest.update(crystal.to_bytes())
    return digest.hexdigest()


def fields_of(kind: type[Graph]) -> dict[str, list[str | None]]:
    """Return the name of each field of a graph, with its scope and what it points to."""
    return {
        field.name: [field.metadata["scope"], field.metadata["points_to"]]
        for field in dataclasses.fields(kind)
    }


_CHECKSUM: Final = "content_sha256"
"""Under which a part has the checksum of its arrays and of what else it says."""
_INTEGERS: Final = tuple(np.dtype(name) for name in ("i1", "i2", "i4"))
"""Narrower than 64 bits, the narrowest first."""


def first_rows(counts: Int[np.ndarray, " crystals"]) -> Int[np.ndarray, " boundaries"]:
    """Return the first row of each crystal, and the number of rows for a last entry."""
    return np.concatenate([np.zeros(1, np.int64), np.cumsum(counts, dtype=np.int64)])


def name_of_first(scope: Scope) -> str:
    """Return the name under which a store keeps the first rows of a scope."""
    return f"first_{scope}"


def packed(graph: Graph) -> dict[str, np.ndarray]:
    """Return the fields of a graph as they lie in a store.

    Integers take 8, 16 or 32 bits where they fit. What points to an atom, or to another row,
    counts from the first one of its crystal; so the rows of a crystal are the same wherever it
    lies, and small.
    """
    counts = {scope: getattr(graph, name).numpy() for scope, name in COUNTS.items()}
    arrays = {}
    for field in dataclasses.fields(graph):
        scope, target = field.metadata["scope"], field.metadata["points_to"]
        value: np.ndarray = getattr(graph, field.name).numpy()
        if target is not None:
            value = value - np.repeat(first_rows(counts[target])[:-1], counts[scope])
        arrays[field.name] = _narrowed(value)
    return arrays


def _narrowed(value: np.ndarray) -> np.ndarray:
    if value.dtype.kind != "i":
        return value
    low, high = (int(value.min()), int(value.max())) if value.size else (0, 0)
    for dtype in _INTEGERS:
        limits = np.iinfo(dtype)
        if dtype.itemsize < value.itemsize and limits.min <= low and high <= limits.max:
            return value.astype(dtype)
    return value


def write_part(
    path: Path,
    graph: Graph | None,
    unsupported: Sequence[UnsupportedStructure],
    labels: Mapping[str, str],
) -> None:
    """Write the graphs of some of the crystals of a store, and which of them have none."""
    arrays = {} if graph is None else packed(graph)
    kinds = [name for name, kind in KINDS.items() if type(graph) is kind]
    dtypes = {
        name: str(getattr(graph, name).numpy().dtype) for name in arrays
    }  # those that a batch gets back
    header = {
        "graph": "".join(kinds),
        "dtypes": json.dumps(dtypes),
        "refused": json.dumps([[structure.index, structure.reason] for structure in unsupported]),
    }
    columns = {
        name: Column(array.dtype, array.shape, iter([array])) for name, array in arrays.items()
    }
    metadata = {**header, **labels}
    write_tensors(path, columns, {**metadata, _CHECKSUM: _digest(arrays, metadata)})


def is_whole(part: TensorFile) -> bool:
    """Return whether a part of a store is as it was written."""
    metadata = dict(part.metadata)
    return metadata.pop(_CHECKSUM, None) == _digest(part.arrays, metadata)


def _digest(arrays: Mapping[str, np.ndarray], metadata: Mapping[str, str]) -> str:
    shapes = {name: [str(array.dtype), *array.shape] for name, array in sorted(arrays.items())}
    digest = hashlib.sha256(json.dumps([shapes, metadata], sort_keys=True).encode())
    for name in shapes:
        digest.update(np.ascontiguousarray(arrays[name]).data)
    return digest.hexdigest()


def join_parts(parts: Sequence[Path], path: Path) -> dict[str, Any]:
    """Join the parts of a store to one file, part after part.

    Args:
        parts: In the order of the crystals; at least one of them holds a graph.
        path: The file to write.

    Returns:
        What is to be known of it: kind of graph, type of each field in a batch, rows of each
        scope, size and SHA-256.

    Raises:
        StoreError: If a part is damaged.
    """
    files = [part for part in map(TensorFile.open, parts) if part.metadata["graph"]]
    kind, dtypes = files[0].metadata["graph"], json.loads(files[0].metadata["dtypes"])
    columns: dict[str, Column] = {}
    for name in dtypes:
        arrays = [file.arrays[name] for file in files]
        shape = (sum(map(len, arrays)), *arrays[0].shape[1:])
        columns[name] = Column(np.result_type(*{a.dtype for a in arrays}), shape, iter(arrays))
    rows = {str(Scope.CRYSTAL): columns[COUNTS[Scope.ATOM]].shape[0]}
    for scope, name in COUNTS.items():
        first = first_rows(np.concatenate([file.arrays[name] for file in files]))
        columns[name_of_first(scope)] = Column(first.dtype, first.shape, iter([first]))
        rows[str(scope)] = int(first[-1])
    digest = write_tensors(path, columns, {"graph": kind})
    size = path.stat().st_size
    return {"graph": kind, "dtypes": dtypes, "rows": rows, "bytes": size, "sha256": digest}
