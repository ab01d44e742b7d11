"""A finished run: its folder, its model, and the very crystals it was made from."""

from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any, final

import numpy as np
import pandas as pd
from jaxtyping import Int

from xtalgraph.conventions.boundary import name_of_source
from xtalgraph.conventions.documents import DAMAGE, read_document
from xtalgraph.conventions.errors import InputError, RunError
from xtalgraph.data.catalogue import resolve_source
from xtalgraph.data.dataset import Divided
from xtalgraph.data.splits import PARTS, Split
from xtalgraph.evidence.run_files import read_metrics, read_predictions
from xtalgraph.models.checkpoint import check_has_target, read_description
from xtalgraph.models.manifest import MANIFEST, check_manifest
from xtalgraph.models.named_models import run_folder
from xtalgraph.models.predictor import Predictor
from xtalgraph.models.upgrades import upgrade_division
from xtalgraph.workflows.claim import saved_sections
from xtalgraph.workflows.config import RunConfig, read_labelled


@final
@dataclass(frozen=True)
class Run:
    """A finished run on disk."""

    folder: Path

    @classmethod
    def open(cls, folder: str | Path) -> "Run":
        """Open a run folder.

        Args:
            folder: Written by `train`, or the name of a model, see `run_folder`.

        Raises:
            RunError: If it is not the folder of a finished run, a file of it has changed, or its
                model has no target.
        """
        path = run_folder(folder)
        if (path / MANIFEST).is_file():
            check_manifest(path, evidence=True)
            check_has_target(path)
            return cls(path)
        for name in ("model.json", "metrics.json", "split.json", "config.yaml"):
            if not (path / name).is_file():
                raise RunError(
                    f"{path} holds no {name}: it is not a run folder, or its training has not "
                    "ended; repeat its `xtalgraph train` command with --resume"
                )
        check_manifest(path, evidence=True)
        return cls(path)

    @staticmethod
    def is_finished(folder: Path) -> bool:
        """Whether a training has written all that it writes."""
        last = MANIFEST
        if (folder / "model.json").is_file() and not read_description(folder)["manifest"]:
            last = "report.html"  # of an xtalgraph that wrote no manifest
        return (folder / last).is_file()

    @cached_property
    def metrics(self) -> dict[str, Any]:
        """The content of ``metrics.json``, as runs have it now: by target."""
        return read_metrics(self.folder)

    @cached_property
    def predictions(self) -> dict[str, pd.DataFrame]:
        """For each target a table of labels and predictions for every crystal of the run."""
        return read_predictions(self.folder, list(self.metrics["targets"]))

    @cached_property
    def record(self) -> dict[str, Any]:
        """The content of ``record.json``."""
        return self._json("record.json")

    @cached_property
    def division(self) -> dict[str, Any]:
        """The content of ``split.json``."""
        return upgrade_division(self._json("split.json"), read_description(self.folder))

    @cached_property
    def config(self) -> RunConfig:
        """The resolved settings."""
        return RunConfig.from_sections(saved_sections(self.folder))

    @cached_property
    def predictor(self) -> Predictor:
        """The trained model."""
        return Predictor.load(self.folder)

    def data(self, source: Any = None, *, progress: bool = False) -> Divided:
        """Read the crystals of the run again, and divide them as they were.

        Args:
            source: Where they are now, or what was in memory; by default where they were.
            progress: Show a progress bar on standard error.

        Raises:
            InputError: If they are not there, or are not the crystals and targets of the run.
            RunError: If it is not known how they were divided.
        """
        if not (self.folder / "config.yaml").is_file():
            raise InputError(f"{self.folder} was converted from another package and has no data")
        path = self.config.data.path
        if source is None:
            if path.startswith("<"):
                raise InputError(
                    f"{self.folder} was trained on data in memory, {path}: give the data again"
                )
            source = path
        resolved, _ = resolve_source(source)
        if isinstance(resolved, Path) and not resolved.exists():
            raise InputError(
                f"{self.folder} was trained on {resolved}, which is not there: say where the data "
                "is"
            )
        dataset = read_labelled(resolved, self.config, progress=progress)
        named = [*PARTS, "calibration"] if "calibration" in self.division else PARTS
        try:
            parts = {part: set(self.division[part]) for part in named}
            digest, drawn = str(self.division["data_sha256"]), dict(self.division["drawn"])
        except DAMAGE as error:
            raise RunError(
                f"{self.folder / 'split.json'} is damaged: it lacks the ids of a part, or the "
                f"checksum of the data ({error!r})"
            ) from error
        known = set[str]().union(*parts.values())
        ids = dataset.table.ids
        left = {n: "rejected by the run" for n, name in enumerate(ids) if name not in known}
        dataset = dataset.reject(left)
        if dataset.content_hash != digest:
            raise InputError(
                f"the crystals and targets of {name_of_source(source)} are not those that "
                f"{self.folder} was trained on, whose data_sha256 is {digest[:12]}...: give the "
                "same data"
            )
        row_of = {name: n for n, name in enumerate(dataset.table.ids)}
        if not known <= set(row_of):
            raise RunError(
                f"{self.folder / 'split.json'} is damaged: it divides crystals that are not there"
            )

        def places(part: str) -> Int[np.ndarray, " rows"]:
            return np.array([row_of[name] for name in self.division[part]], dtype=np.int64)

        return Divided(dataset, Split(**{p: places(p) for p in named}, drawn=drawn))

    def _json(self, name: str) -> dict[str, Any]:
        return read_document(self.folder / name, largest=2**30)
