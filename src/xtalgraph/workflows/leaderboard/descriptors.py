"""The entries of classical structure descriptors, each under a linear model and a forest."""

import hashlib
import json
import time
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any, Final

import numpy as np
from safetensors import safe_open
from safetensors.numpy import save
from scipy.sparse import csr_array, vstack
from tqdm import tqdm

from xtalgraph.baselines.chgnet import CHGNetVectors
from xtalgraph.baselines.descriptor import (
    AtomDescriptor,
    AtomRows,
    Descriptor,
    Rows,
    mean_of_atoms,
)
from xtalgraph.baselines.dscribe import ACSF, SOAP
from xtalgraph.baselines.learners import FeatureRegressor, LearnerName
from xtalgraph.baselines.prdf import PRDF
from xtalgraph.conventions.cores import available_cores
from xtalgraph.conventions.errors import InputError, MissingExtraError
from xtalgraph.conventions.files import make_folder, write_atomically
from xtalgraph.crystals.crystal import Crystal
from xtalgraph.evidence.leaderboard import EntryResult
from xtalgraph.workflows.compare_baselines import number_kind
from xtalgraph.workflows.leaderboard.entry import (
    Case,
    LeaderboardEntry,
    Level,
    why_not_a_number_of_crystals,
    why_not_mixtures,
)
from xtalgraph.workflows.record import versions

DESCRIPTORS: Final[tuple[Descriptor, ...]] = (PRDF(), ACSF(), SOAP(), CHGNetVectors())
LEARNERS_OF_DESCRIPTORS: Final[tuple[LearnerName, ...]] = ("ridge", "gp", "forest")
_CHUNK: Final = 256
"""Crystals that are described at a time, and kept in a file."""


@dataclass(frozen=True, eq=False)
class Described:
    """The features of all crystals of a comparison."""

    features: Rows
    """A row for each crystal."""
    seconds: float
    """What it took to compute them, now or when they were kept."""
    atoms: AtomRows | None = None
    """A row for each atom, of an `AtomDescriptor`."""

    def of_atoms(self) -> AtomRows:
        """Return a row for each atom; an `InputError` if there are none."""
        if self.atoms is None:
            raise InputError("the descriptor has features of crystals alone")
        return self.atoms


class DescribedCrystals:
    """The features of a descriptor for all crystals, computed when they are first needed.

    Those of some hundred crystals at a time are kept in files, so that a killed comparison goes on
    where it was; they are used for all folds and learners.
    """

    def __init__(self, descriptor: Descriptor) -> None:
        self.descriptor = descriptor
        self._held: tuple[str, Described] | None = None

    def of(self, case: Case) -> Described:
        """Return the features of the crystals of a case."""
        crystals = case.dataset.table.crystals
        elements = sorted({int(z) for crystal in crystals for z in crystal.numbers})
        digest = hashlib.sha256(case.dataset.table.content_hash().encode())
        digest.update(json.dumps(self.descriptor.settings(), sort_keys=True).encode())
        key = digest.hexdigest()
        if self._held is None or self._held[0] != key:
            folder = case.folder / "descriptors" / f"{self.descriptor.name}-{key[:12]}"
            self._held = key, self._compute(crystals, elements, folder, case.session.progress)
        return self._held[1]

    def _compute(
        self, crystals: Sequence[Crystal], elements: list[int], folder: Path, progress: bool
    ) -> Described:
        parts: list[Any] = []
        seconds = 0.0
        make_folder(folder)
        with tqdm(
            total=len(crystals), desc=self.descriptor.name, unit=" crystals", disable=not progress
        ) as bar:
            for start in range(0, len(crystals), _CHUNK):
                chunk = crystals[start : start + _CHUNK]
                path = folder / f"{start:08d}.safetensors"
                if not path.is_file():
                    began = time.monotonic()
                    rows = self._rows(chunk, elements)
                    _write(path, rows, time.monotonic() - began)
                described = _read(path)
                parts.append(described.features)
                seconds += described.seconds
                bar.update(len(chunk))
        if not isinstance(parts[0], np.ndarray):
            return Described(csr_array(vstack(parts, format="csr")), seconds)
        rows = np.concatenate(parts)
        if isinstance(self.descriptor, AtomDescriptor):
            return Described(mean_of_atoms(rows, crystals), seconds, rows)
        return Described(rows, seconds)

    def _rows(self, crystals: Sequence[Crystal], elements: list[int]) -> Rows:
        """Return what a file keeps: rows of atoms, where the descriptor has them."""
        if isinstance(self.descriptor, AtomDescriptor):
            return self.descriptor.describe_atoms(crystals)
        return self.descriptor.describe(crystals, elements)


class DescriptorEntry(LeaderboardEntry):
    """A descriptor and a learner."""

    def __init__(self, described: DescribedCrystals, learner: LearnerName) -> None:
        super().__init__(f"{described.descriptor.name}-{learner}", Level.DESCRIPTORS)
        self.described = described
        self.learner = learner

    def shares(self, case: Case) -> str:
        """Return the name of the descriptor, whose features are computed once."""
        return self.described.descriptor.name

    def why_not(self, case: Case) -> str:
        """It learns a number for each crystal of ordered sites, and its library must be there."""
        reason = why_not_a_number_of_crystals(case.target, "regression on descriptors learns")
        reason = reason or why_not_mixtures(case, "structure descriptors read")
        return reason or self._missing

    def settings(self, case: Case) -> dict[str, Any]:
        """Return descriptor, learner and the version of its library."""
        return {
            **self.described.descriptor.settings(),
            "learner": self.learner,
            "scikit-learn": versions()["scikit-learn"],
        }

    def run(self, case: Case) -> EntryResult:
        """Describe all crystals, fit, and predict the test part."""
        described = self.described.of(case)
        train, test = case.split.train, case.split.test
        began = time.monotonic()
        sizes = np.array([crystal.num_atoms for crystal in case.dataset.table.crystals])
        jobs = case.config.training.threads or available_cores()
        model = FeatureRegressor(
            number_kind(case.target), self.learner, case.config.training.seed, jobs
        )
        model.fit(described.features[train], sizes[train], case.labels(train))
        values = model.predict(described.features[test], sizes[test])
        seconds = described.seconds + time.monotonic() - began
        return EntryResult(values, seconds, model.parameters)

    @cached_property
    def _missing(self) -> str:
        try:
            self.described.descriptor.check()
        except MissingExtraError as error:
            return str(error)
        return ""


def _write(path: Path, rows: Rows, seconds: float) -> None:
    if isinstance(rows, np.ndarray):
        tensors = {"rows": rows}
    else:
        tensors = {
            "data": rows.data,
            "indices": rows.indices.astype(np.int64),
            "indptr": rows.indptr.astype(np.int64),
            "shape": np.array(rows.shape, dtype=np.int64),
        }
    write_atomically(path, save(tensors, {"seconds": repr(seconds)}))


def _read(path: Path) -> Described:
    with safe_open(path, framework="numpy") as file:
        seconds = float(file.metadata()["seconds"])
        tensors = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118
    if "rows" in tensors:
        return Described(tensors["rows"], seconds)
    parts = (tensors["data"], tensors["indices"], tensors["indptr"])
    return Described(csr_array(parts, shape=tuple(tensors["shape"].tolist())), seconds)
