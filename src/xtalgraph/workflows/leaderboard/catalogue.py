"""Every entry, from the bottom to the top: baselines, our own models, published predictions."""

import hashlib
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Final, Literal

import numpy as np
import pandas as pd
from jaxtyping import Float

from xtalgraph.baselines.composition import CompositionNetwork
from xtalgraph.baselines.composition_features import count_elements
from xtalgraph.baselines.descriptor import AtomDescriptor
from xtalgraph.conventions.errors import ConfigError, InputError, RunError, XtalgraphError
from xtalgraph.conventions.files import make_folder
from xtalgraph.conventions.settings import nearest
from xtalgraph.conventions.voigt import from_subscripts, subscripts
from xtalgraph.data.targets import Target
from xtalgraph.evidence.leaderboard import EntryResult
from xtalgraph.evidence.run_files import read_predictions
from xtalgraph.models.registry import ENCODERS
from xtalgraph.workflows.compare_baselines import fit_baselines, number_kind
from xtalgraph.workflows.config import RunConfig
from xtalgraph.workflows.leaderboard.atom_readout import AtomReadoutEntry
from xtalgraph.workflows.leaderboard.descriptors import (
    DESCRIPTORS,
    LEARNERS_OF_DESCRIPTORS,
    DescribedCrystals,
    DescriptorEntry,
)
from xtalgraph.workflows.leaderboard.entry import (
    Case,
    LeaderboardEntry,
    Level,
    why_not_a_number_of_crystals,
)
from xtalgraph.workflows.leaderboard.external_models import external_entries
from xtalgraph.workflows.leaderboard.potentials import potential_entries
from xtalgraph.workflows.leaderboard.running import key_of
from xtalgraph.workflows.record import versions
from xtalgraph.workflows.train import train_run


class BaselineEntry(LeaderboardEntry):
    """The mean, or the trees on the composition: what every training is compared with."""

    def __init__(self, name: Literal["mean", "composition"]) -> None:
        super().__init__(name, Level.MEAN if name == "mean" else Level.COMPOSITION)

    def why_not(self, case: Case) -> str:
        """It serves every target."""
        return ""

    def settings(self, case: Case) -> dict[str, Any]:
        """Return the version of the library that grows the trees."""
        return {"scikit-learn": versions()["scikit-learn"]}

    def run(self, case: Case) -> EntryResult:
        """Fit, and predict the test part."""
        seed = case.config.training.seed
        (fitted,) = fit_baselines(case.divided, case.target, seed=seed, only=self.name)
        values = fitted.predictions.values.of(case.target.name, case.split.test)
        return EntryResult(values, fitted.seconds, None)


class CompositionNetworkEntry(LeaderboardEntry):
    """A perceptron on the composition."""

    def __init__(self) -> None:
        super().__init__(CompositionNetwork.name, Level.COMPOSITION)

    def why_not(self, case: Case) -> str:
        """It learns a number for each crystal."""
        return why_not_a_number_of_crystals(case.target, "this perceptron learns")

    def settings(self, case: Case) -> dict[str, Any]:
        """Return the version of the library that trains it."""
        return {"scikit-learn": versions()["scikit-learn"]}

    def run(self, case: Case) -> EntryResult:
        """Fit, and predict the test part."""
        began = time.monotonic()
        counts = count_elements(case.dataset.table.crystals)
        network = CompositionNetwork(number_kind(case.target), case.config.training.seed)
        network.fit(counts[case.split.train], case.labels(case.split.train))
        values = network.predict(counts[case.split.test])
        return EntryResult(values, time.monotonic() - began, network.parameters)


class OwnModelEntry(LeaderboardEntry):
    """An architecture of xtalgraph.

    The assessed one has all the settings; another has those of data, graph and training, and its
    own defaults of the section ``model``.
    """

    def __init__(self, name: str, members: int) -> None:
        super().__init__(name, Level.OWN, members=members)
        self.members = members

    def why_not(self, case: Case) -> str:
        """Its settings must serve the target."""
        try:
            self._config(case)
        except XtalgraphError as error:
            return str(error)
        return ""

    def settings(self, case: Case) -> dict[str, Any]:
        """Return the settings of its run, and the versions its weights depend on."""
        known = versions()
        return {**self._config(case).deciding(), "torch": known["torch"]}

    def run(self, case: Case) -> EntryResult:
        """Train in a run folder, and take the predictions from there."""
        config = self._config(case)
        folder = case.folder / "runs" / f"{self.name}-{case.where}-{key_of(self, case)[:12]}"
        make_folder(folder.parent)
        run = train_run(case.preparations, config, folder, case.session)
        targets = case.config.targets
        tables = read_predictions(folder, [target.name for target in targets])
        values = np.concatenate([_tested(tables[target.name], target) for target in targets])
        if run.division["test"] != case.test_ids:
            raise RunError(
                f"{folder} tested {len(run.division['test'])} crystals that are not the "
                f"{len(case.test_ids)} of this comparison: its neighbour strategy refuses others "
                "than that of the assessed model does"
            )
        record = run.record
        seconds = float(record["Time"][f"{self.name}, s"])
        return EntryResult(values, seconds, int(record["Model"]["parameters"]))

    def _config(self, case: Case) -> RunConfig:
        """Return the settings of this architecture for the fold of a case."""
        if self.name == case.config.spec.encoder:
            return case.config
        sections = case.config.sections()
        graph = {k: v for k, v in sections["graph"].items() if k != "reduction_tolerance"}
        model = {"name": self.name, "readout": "auto"}
        training = sections["training"] | {"members": self.members}
        return RunConfig.from_sections(
            {**sections, "graph": graph, "model": model, "training": training}
        )


def _tested(table: pd.DataFrame, target: Target) -> Float[np.ndarray, "rows *shape"]:
    """Return what a table of predictions holds for the test part: numbers, or full tensors."""
    numbers = table.loc[table["split"] == "test", "prediction"].to_numpy()
    if not target.is_tensor:
        return numbers
    return from_subscripts(target.tensor, numbers.reshape(-1, len(subscripts(target.tensor))))


class PublishedEntry(LeaderboardEntry):
    """One column of a table of predictions, by id; `digest` is the SHA-256 of the file."""

    def __init__(self, column: str, values: "pd.Series[Any]", path: Path, digest: str) -> None:
        super().__init__(f"published-{column}", Level.PUBLIC, column=column, file=path.name)
        self.column = column
        self.values = values
        self.path = path
        self.digest = digest

    def why_not(self, case: Case) -> str:
        """There must be a number for each crystal of the test part."""
        if not case.target.is_one_number:
            return why_not_a_number_of_crystals(case.target, "a table of predictions holds")
        if not pd.api.types.is_numeric_dtype(self.values):
            return f"the column {self.column!r} of {self.path} does not hold numbers"
        values = self._of_test(case)
        absent = np.flatnonzero(~np.isfinite(values))
        if absent.size:
            first = case.test_ids[absent[0]]
            return (
                f"{absent.size} of the {len(values)} test crystals have no prediction in "
                f"{self.path} (the first is {first!r})"
            )
        return ""

    def settings(self, case: Case) -> dict[str, Any]:
        """Return the column and the hash of the file."""
        return {"column": self.column, "sha256": self.digest}

    def run(self, case: Case) -> EntryResult:
        """Look the predictions up."""
        return EntryResult(self._of_test(case), None, None)

    def _of_test(self, case: Case) -> np.ndarray:
        return self.values.reindex(case.test_ids).to_numpy(dtype=np.float64)


def published_entries(path: str | Path) -> list[LeaderboardEntry]:
    """Return an entry for each column of a table of predictions.

    Args:
        path: A CSV (.gz) whose first column holds the ids of the crystals, as the data has them,
            and every other the predictions of one model, in the unit of the target.

    Raises:
        InputError: If it cannot be read, has no second column, or names a crystal twice.
    """
    path = Path(path)
    try:
        table = pd.read_csv(path)
        digest = hashlib.sha256(path.read_bytes()).hexdigest()
    except (OSError, ValueError) as error:
        raise InputError(f"cannot read published predictions from {path}: {error}") from error
    if table.shape[1] < 2:
        raise InputError(
            f"{path} must have a column of ids and a column of predictions for each model, got "
            f"{', '.join(map(str, table.columns))}"
        )
    ids = table.iloc[:, 0].astype(str)
    if ids.duplicated().any():
        raise InputError(f"{path} names {ids[ids.duplicated()].iloc[0]!r} more than once")
    table.index = pd.Index(ids)
    return [PublishedEntry(str(c), table[c], path, digest) for c in table.columns[1:]]


def own_entries(models: Sequence[str], members: int | None = None) -> list[LeaderboardEntry]:
    """Return our architectures of some names.

    Args:
        models: Names in the registry, the assessed one first.
        members: How many of each are trained; None for as many as `train` does.

    Raises:
        ConfigError: If a name is not known, or given twice.
    """
    for name in models:
        if name not in ENCODERS:
            raise ConfigError(f"unknown model {name!r}{nearest(name, ENCODERS)}")
    if len(set(models)) < len(models):
        raise ConfigError(f"each model may be named once, got {', '.join(models)}")
    return [
        OwnModelEntry(name, ENCODERS[name].recommended.members if members is None else members)
        for name in models
    ]


def descriptor_entries() -> list[LeaderboardEntry]:
    """Return every descriptor with each learner; a readout where its atoms have vectors."""
    entries: list[LeaderboardEntry] = []
    for descriptor in DESCRIPTORS:
        described = DescribedCrystals(descriptor)
        entries += [DescriptorEntry(described, learner) for learner in LEARNERS_OF_DESCRIPTORS]
        if isinstance(descriptor, AtomDescriptor):
            entries.append(AtomReadoutEntry(described))
    return entries


def _baselines() -> list[LeaderboardEntry]:
    return [
        BaselineEntry("mean"),
        BaselineEntry("composition"),
        CompositionNetworkEntry(),
        *descriptor_entries(),
        *external_entries(),
    ]


BASELINES: Final = (
    *("mean", "composition", "composition-mlp"),
    *("prdf-ridge", "prdf-gp", "prdf-forest", "acsf-ridge", "acsf-gp", "acsf-forest"),
    *("soap-ridge", "soap-gp", "soap-forest", "chgnet-ridge", "chgnet-gp", "chgnet-forest"),
    "chgnet-readout",
    *("pyg-cgconv", "pyg-schnet", "pyg-dimenet++"),
)
"""The name of every baseline, from the bottom to the top."""


def entries_of(only: Sequence[str] | None, published: str | Path | None) -> list[LeaderboardEntry]:
    """Return the entries that a model is compared with, from the bottom to the top.

    Args:
        only: Names of those that are wanted; None for all.
        published: A table of predictions, see `published_entries`.

    Raises:
        ConfigError: If a name is not known.
        InputError: If the table cannot be read.
    """
    for name in only or ():
        if name not in BASELINES:
            raise ConfigError(f"unknown baseline {name!r}{nearest(name, BASELINES)}")
    kept = [entry for entry in _baselines() if only is None or entry.name in only]
    return kept + (published_entries(published) if published is not None else [])


def compared_with(
    config: RunConfig,
    baselines: Sequence[str] | None,
    published: str | Path | None,
    calculators: Sequence[str],
) -> list[LeaderboardEntry]:
    """Return what a model is compared with, from the bottom to the top.

    None takes all baselines; `published` is that of `published_entries`, `calculators` are names of
    ASE's. A `ConfigError` if a name is not known or does not serve, or an `InputError`.
    """
    if not config.spec.is_potential:
        if calculators:
            raise ConfigError(
                "calculator is compared with a potential: learn forces or a stress, as by "
                "--target energy --target forces"
            )
        return entries_of(baselines, published)
    if published is not None:
        raise ConfigError("a table of published predictions holds no forces: leave out published")
    return potential_entries(baselines, calculators)
