"""The data sets that can be had by name: the 13 Matbench v0.1 tasks and the embedded one."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType
from typing import Any, Final, Literal

from xtalgraph.conventions.errors import ConfigError
from xtalgraph.conventions.settings import nearest


@dataclass(frozen=True)
class KnownDataset:
    """What is known about a data set before it is opened."""

    name: str
    """Name by which it is fetched, e.g. ``matbench_perovskites``."""
    url: str | None
    """Where the file is; None for a data set that is computed on the spot."""
    sha256: str | None
    """Checksum of the file as published; None for a data set that is computed."""
    target: str
    """Column of the quantity to predict."""
    unit: str
    """Unit of the target, ``dimensionless`` where it has none."""
    kind: Literal["extensive", "intensive"]
    """Whether the target is a total of the cell. eV/atom is intensive."""
    best: Literal["low", "high"] | None
    """Which end of the target a search looks for; None where neither is better."""
    task: Literal["regression", "classification"]
    """Whether the target is a number or a class (0 or 1)."""
    num_rows: int
    input: Literal["structure", "composition"]
    """What a row describes: a crystal, or only its chemical formula."""
    description: str
    """One sentence on what was computed or measured."""
    reference: str
    """Where the numbers come from."""


def _read_catalogue() -> Mapping[str, KnownDataset]:
    # Checksums and sizes: matminer 0.10.1, matminer/datasets/dataset_metadata.json.
    text = Path(__file__).with_suffix(".json").read_text(encoding="utf-8")
    return MappingProxyType({entry["name"]: KnownDataset(**entry) for entry in json.loads(text)})


CATALOGUE: Final = _read_catalogue()
"""Every data set that can be fetched, by name; the embedded one first, then by size."""


def find_dataset(name: str) -> KnownDataset:
    """Look a data set up by its name in `CATALOGUE`; a `ConfigError` names the nearest one."""
    if name in CATALOGUE:
        return CATALOGUE[name]
    raise ConfigError(
        f"the name of a data set must be in the catalogue, got {name!r}{nearest(name, CATALOGUE)}"
    )


def known_source(source: Any) -> KnownDataset | None:
    """Return what the catalogue says of a source, by the name of its file."""
    if not isinstance(source, str | Path):
        return None
    return CATALOGUE.get(Path(source).name.split(".")[0])


def resolve_source(source: Any) -> tuple[Any, KnownDataset | None]:
    """Turn the name of a known data set into its file, and know a known file by its name.

    Args:
        source: Anything that `read_table` takes, or a name in the catalogue.

    Returns:
        What to read, and what the catalogue says of it.
    """
    if not isinstance(source, str | Path):
        return source, None
    path, known = Path(source), known_source(source)
    if known is not None and str(source) == known.name and not path.exists():
        from xtalgraph.data.fetch import fetch

        return fetch(known.name), known
    return path, known
