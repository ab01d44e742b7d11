"""What the exercises share: their crystals, and what they hand back."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pandas as pd

from xtalgraph.conventions.documents import write_json
from xtalgraph.conventions.files import make_folder
from xtalgraph.data.ionic.load import ionic_perovskites_path


@dataclass(frozen=True)
class Material:
    """Crystals with their energies."""

    source: str
    """As `train` takes it."""
    description: str
    """What it is, in words."""
    options: dict[str, Any] = field(default_factory=dict)
    """Target and split, as `train` takes them."""


def perovskites(data: str | Path | None) -> Material:
    """Return the ABX3 perovskites, ``matbench_perovskites`` by default, on official fold 0."""
    options = {"target": "e_form", "kind": "extensive", "unit": "eV/cell", "best": "low"}
    source = "matbench_perovskites" if data is None else str(data)
    description = f"formation energies of ABX3 perovskites, {source}, fold 0 is the test"
    return Material(source, description, options | {"split": "folds", "fold": 0})


def ionic(out: Path, most: int | None = None) -> Material:
    """Return the embedded rigid-ion perovskites, or `most` of them, evenly spaced, in a file."""
    frame = pd.read_parquet(ionic_perovskites_path())
    if most is not None:
        frame = frame.iloc[:: -(-len(frame) // most)]
    path = out / "ionic_perovskites.parquet"
    make_folder(out)
    if not path.is_file() or len(pd.read_parquet(path, columns=["id"])) != len(frame):
        frame.to_parquet(path, index=False)
    options = {"target": "excess_energy", "kind": "extensive", "unit": "eV/cell", "best": "low"}
    return Material(str(path), "energies of a rigid-ion model, not of DFT", options)


@dataclass(frozen=True, eq=False)
class ExerciseResults:
    """What an exercise found, in words and in numbers."""

    text: str
    """For the terminal."""
    document: Mapping[str, Any]
    """The numbers, as in ``exercise-N.json``."""
    pages: Sequence[Path] = ()
    """Pages to look at."""


def write_results(number: int, out: Path, results: ExerciseResults) -> ExerciseResults:
    """Write ``exercise-N.json``."""
    make_folder(out)
    write_json(out / f"exercise-{number}.json", results.document)
    return results
