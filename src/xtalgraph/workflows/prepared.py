"""What a training learns from: labelled crystals in parts, and their graphs; made once for many."""

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, final

import numpy as np
from jaxtyping import Int

from xtalgraph.conventions.elements import SYMBOLS
from xtalgraph.conventions.errors import ConfigError, InputError
from xtalgraph.conventions.settings import settings_from
from xtalgraph.data.catalogue import KnownDataset
from xtalgraph.data.dataset import Dataset, Divided, label
from xtalgraph.data.division import (
    column_of,
    divide,
    divide_in_folds,
    groups_like_test,
    parse_division,
)
from xtalgraph.data.group_splits import Groups, group_fold_split, set_aside
from xtalgraph.data.label_reading import class_of
from xtalgraph.data.splits import Split, fold_split, official_folds
from xtalgraph.data.table import CrystalTable, read_table
from xtalgraph.evidence.performance import ModelResult
from xtalgraph.metrics.conformal import fewest_rows
from xtalgraph.models.intervals import DEFAULT_LEVEL
from xtalgraph.models.registry import ENCODERS, TERMS
from xtalgraph.models.spec import ModelSpec
from xtalgraph.workflows.config import RunConfig, label_keys
from xtalgraph.workflows.data_settings import DataConfig
from xtalgraph.workflows.graph_source import Graphs, make_graphs
from xtalgraph.workflows.preflight import NO_FOLDS
from xtalgraph.workflows.record import split_document
from xtalgraph.workflows.rejections import stop_at_rejected
from xtalgraph.workflows.request import Request


@dataclass(frozen=True, eq=False)
class Prepared:
    """What a training learns from."""

    divided: Divided
    graphs: Graphs
    """Of each crystal, with its conditions."""

    @property
    def dataset(self) -> Dataset:
        """Crystals and labels."""
        return self.divided.dataset

    @property
    def split(self) -> Split:
        """The parts."""
        return self.divided.split

    def measured(self, spec: ModelSpec) -> ModelSpec:
        """Return a model with the settings that follow from the data, where none are given.

        The elements are those of all parts, for each part is predicted; which of them are in the
        training part the run knows beside.

        Args:
            spec: The model.
        """
        encoder = ENCODERS[spec.encoder]
        config = settings_from(encoder.Config, spec.settings, "model")
        values = {"elements": self._elements, "neighbors": self._mean_neighbors}
        taken = {name: values[name]() for name in encoder.open_settings(config)}
        terms = {
            name: {
                **settings,
                **{key: values[key]() for key in TERMS[name].open_settings(settings)},
            }
            for name, settings in spec.terms.items()
        }
        if not taken and terms == spec.terms:
            return spec
        return replace(spec, settings=spec.settings | taken, terms=terms)

    def _elements(self) -> list[str]:
        held = set[int]().union(*(crystal.elements for crystal in self.dataset.table.crystals))
        return [SYMBOLS[number] for number in sorted(held)]

    def _mean_neighbors(self) -> float:
        """Return the mean number of neighbors of an atom in the training part, at least 1."""
        train, crystals = self.split.train, self.dataset.table.crystals
        atoms = sum(len(crystals[row]) for row in train)
        return max(1.0, round(float(self.graphs.survey.num_edges[train].sum() / atoms), 3))


@final
class Preparations:
    """Prepares what was asked for, for one setting after the other; what two share is made once.

    It remembers tables, labels, splits, baselines and the latest graphs as long as it lives.
    """

    def __init__(self, request: Request) -> None:
        self.request = request
        self._tables: dict[str, CrystalTable] = {}
        self._datasets: dict[str, Dataset] = {}
        self._divided: dict[str, Divided] = {}
        self._graphs: dict[str, tuple[Dataset, Graphs]] = {}
        self._split_documents: dict[Divided, dict[str, Any]] = {}
        self._baselines: dict[tuple[Divided, int, str], dict[str, list[ModelResult]]] = {}

    def dataset(self, config: RunConfig, *, progress: bool = False) -> Dataset:
        """Read crystals and labels, or return what was read before; an `InputError` if unusable."""
        source, disorder = self.request.source, config.data.disorder
        key = repr((disorder, config.targets, config.spec.conditions, label_keys(config.data)))
        if key not in self._datasets:
            if disorder not in self._tables:
                self._tables[disorder] = read_table(source, progress=progress, disorder=disorder)
            table = self._tables[disorder]
            self._datasets[key] = label(
                table, source, config.targets, config.spec.conditions, label_keys(config.data)
            )
        return self._datasets[key]

    def prepared(
        self, config: RunConfig, folder: Path | None = None, *, progress: bool = False
    ) -> Prepared:
        """Return what a training with some settings learns from.

        Args:
            config: The settings.
            folder: Where rows that cannot be used are listed; None lists them nowhere.
            progress: Show progress bars on standard error.

        Raises:
            ConfigError: If the crystals cannot be divided so.
            GraphError: If no crystal has a graph.
            InputError: If a row cannot be used and that is to stop the work.
        """
        dataset = self.dataset(config, progress=progress)
        # These may refuse, and graphs take long to build.
        stop_at_rejected(dataset.table.rejected, config.data.on_error, folder)
        self._divide(dataset, config)
        dataset, graphs = self._with_graphs(dataset, config, progress)
        stop_at_rejected(dataset.table.rejected, config.data.on_error, folder)
        return Prepared(self._divide(dataset, config), graphs)

    def for_validation(self, config: RunConfig) -> Prepared:
        """Return training and validation parts, test unread; an `InputError` if there is none."""
        whole = self._divide(self.dataset(config), config)
        if len(whole.split.val) == 0:
            raise InputError("there is no validation part to choose by: raise data.val_fraction")
        rows = np.union1d(whole.split.train, whole.split.val)
        dataset, graphs = self._with_graphs(whole.dataset.select(rows), config, progress=False)
        if graphs.unsupported:
            first = graphs.unsupported[0]
            raise InputError(
                f"{len(graphs.unsupported)} crystals have no graph of these settings; the first is "
                f"{whole.dataset.table.ids[rows[first.index]]}: {first.reason}. Settings are "
                "compared on the same crystals: search within those that serve all, or leave these "
                "out of the data"
            )
        train, val = (np.searchsorted(rows, part) for part in (whole.split.train, whole.split.val))
        split = Split(train, val, np.zeros(0, dtype=np.int64), whole.split.drawn)
        return Prepared(Divided(dataset, split), graphs)

    def split_document(self, divided: Divided) -> dict[str, Any]:
        """Return the content of ``split.json``."""
        if divided not in self._split_documents:
            self._split_documents[divided] = split_document(divided)
        return self._split_documents[divided]

    def baselines(
        self, divided: Divided, seed: int, weights: Mapping[str, float] | None = None
    ) -> dict[str, list[ModelResult]]:
        """Return what the baselines predict for every crystal, by the name of the target."""
        from xtalgraph.workflows.compare_baselines import fit_baselines, fit_potentials

        key = divided, seed, json.dumps(weights, sort_keys=True)
        if key not in self._baselines:
            targets = divided.dataset.targets
            if any(target.derivative is not None for target in targets):
                self._baselines[key] = fit_potentials(divided, weights or {})
            else:
                self._baselines[key] = {
                    target.name: fit_baselines(divided, target, seed=seed) for target in targets
                }
        return self._baselines[key]

    def _with_graphs(
        self, dataset: Dataset, config: RunConfig, progress: bool
    ) -> tuple[Dataset, Graphs]:
        """Return the crystals that have a graph, and the graphs; the latest are remembered."""
        settings = config.spec.make_graph_settings()
        key = repr((dataset.content_hash, settings.settings(), dataset.targets, dataset.conditions))
        if key not in self._graphs:
            self._graphs.clear()  # before others are built: they are large
            graphs = make_graphs(dataset.table.crystals, settings, config.data, progress=progress)
            supported = dataset.reject(
                {structure.index: structure.reason for structure in graphs.unsupported}
            )
            self._graphs[key] = supported, graphs.with_conditions(supported.condition_values)
        return self._graphs[key]

    def _divide(self, dataset: Dataset, config: RunConfig) -> Divided:
        """Divide crystals, and look that each target has labels to learn from and to test on."""
        split = make_split(dataset, config.data, self.request.known, config.training.seed)
        divided = Divided(dataset, split)
        decided = (dataset.content_hash, dataset.targets, dataset.conditions, split.identity)
        key = hashlib.sha256(repr(decided).encode())
        for name, rows in divided.split.parts().items():
            key.update(name.encode() + rows.astype("<i8").tobytes())
        for target in dataset.targets:
            divided.of_target(target.name)
        return self._divided.setdefault(key.hexdigest(), divided)


def make_split(
    dataset: Dataset, config: DataConfig, known: KnownDataset | None, seed: int
) -> Split:
    """Divide the crystals as the configuration says, or raise a `ConfigError`."""
    split = _divided(dataset, config, known, seed)
    if config.calibration_fraction == 0:
        return split
    groups = groups_like_test(dataset.table, parse_division(config.split))
    split = set_aside(split, groups, fraction=config.calibration_fraction, seed=seed)
    needed = fewest_rows(DEFAULT_LEVEL)
    if len(split.calibration) < needed:
        raise ConfigError(
            f"intervals at {DEFAULT_LEVEL:.0%} need at least {needed} crystals that calibrate, "
            f"data.calibration_fraction={config.calibration_fraction:g} of the training part are "
            f"{len(split.calibration)}: set it higher"
        )
    return split


def _divided(dataset: Dataset, config: DataConfig, known: KnownDataset | None, seed: int) -> Split:
    table, division = dataset.table, parse_division(config.split)
    val = config.val_fraction
    if config.fold is None:
        first, *others = dataset.targets
        one_each = not others and first.is_one_number
        values = dataset.labels.arrays[first.name] if one_each else None
        test = config.test_fraction
        return divide(table, values, division, val=val, test=test, seed=seed)
    inner = None
    if config.inner_folds is not None and config.inner_fold is not None:
        inner = config.inner_folds, config.inner_fold
    if config.folds is not None:
        folds, fold = config.folds, config.fold
        return divide_in_folds(
            table, division, folds=folds, fold=fold, val=val, seed=seed, inner=inner
        )
    given = _folds(dataset, known)
    if inner is None:
        return fold_split(given, config.fold, val=val, seed=seed)
    rows = Groups.alone(len(table))
    return group_fold_split(given, config.fold, rows, val=val, seed=seed, inner=inner, drawn=False)


def known_folds(dataset: Dataset, config: DataConfig, known: KnownDataset | None) -> list[int]:
    """Return the numbers of the folds of a split; a `ConfigError` if none are known."""
    if config.folds is not None:
        return list(range(config.folds))
    return sorted(set(_folds(dataset, known).tolist()))


def _folds(dataset: Dataset, known: KnownDataset | None) -> Int[np.ndarray, " rows"]:
    table = dataset.table
    if "fold" in table.columns:
        return column_of(table, "fold").folds()
    if known is None or not known.name.startswith("matbench_"):
        raise ConfigError(NO_FOLDS)
    rows = [row for row in table.rows if row is not None]
    total = len(table) + len(table.rejected)
    if total != known.num_rows:
        raise ConfigError(
            f"{known.name} has {known.num_rows} rows, this file {total}: the official folds are "
            "drawn over the whole file and do not apply to a part of it"
        )
    classes = _classes(dataset, known, total) if known.task == "classification" else None
    return official_folds(total, classes)[rows]


def _classes(dataset: Dataset, known: KnownDataset, total: int) -> Int[np.ndarray, " rows"]:
    """Return the class of every row of the file: those of crystals that were rejected count too."""
    targets = {target.name: target for target in dataset.targets}
    if known.target not in targets:
        raise ConfigError(
            f"the official folds of {known.name} have the same share of each class of "
            f"{known.target!r}, which is not among the targets {', '.join(targets)}"
        )
    target = targets[known.target]
    classes = np.full(total, -1)
    for row, value in zip(dataset.table.rows, dataset.labels[target.name], strict=True):
        if row is not None:
            if np.isnan(value):
                raise ConfigError(f"row {row} has no label {target.name!r}, which the folds need")
            classes[row] = int(value)
    for rejection in dataset.table.rejected:
        known_class = class_of(rejection.values.get(target.name), target.classes)
        if known_class is None or rejection.row is None:
            raise ConfigError(
                "the official folds have the same share of each class, and "
                f"{rejection.id} has no class: {rejection.reason}"
            )
        classes[rejection.row] = int(known_class)
    return classes
