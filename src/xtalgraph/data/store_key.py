"""What a store of graphs was made from, as one hash."""

import dataclasses
import hashlib
import json
from collections.abc import Mapping, Sequence
from importlib.metadata import version
from typing import Final

from xtalgraph.crystals.crystal import Crystal
from xtalgraph.graphs.build import BUILDER_VERSION, GraphSettings
from xtalgraph.graphs.crystal_graph import CrystalGraph
from xtalgraph.graphs.graph import Graph
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
