"""What a training learns from: labelled crystals in parts, and their graphs; made once for many."""

import hashlib
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any, final

import numpy as np

from xtalgraph.conventions.errors import InputError
from xtalgraph.data.dataset import Dataset, label
from xtalgraph.data.divided import Divided
from xtalgraph.data.splits import Split
from xtalgraph.data.table import CrystalTable, read_table
from xtalgraph.workflows.compare_baselines import fit_baselines
from xtalgraph.workflows.config import RunConfig
from xtalgraph.workflows.examine_split import examine_split
from xtalgraph.workflows.graph_source import Graphs, Survey, make_graphs, survey
from xtalgraph.workflows.model_result import ModelResult
from xtalgraph.workflows.prepare import make_split
from xtalgraph.workflows.rejections import stop_at_rejected
from xtalgraph.workflows.request import Request


@dataclass(frozen=True, eq=False)
class Prepared:
    """What a training learns from."""

    divided: Divided
    """The crystals."""
    graphs: Graphs
    """Of each crystal, with its conditions."""

    @cached_property
    def survey(self) -> Survey:
        """What is to be known of all the graphs at once."""
        return survey(self.graphs.source)

    @property
    def dataset(self) -> Dataset:
        """Crystals and labels."""
        return self.divided.dataset

    @property
    def split(self) -> Split:
        """The parts."""
        return self.divided.split


@final
class Preparations:
    """Prepares what was asked for, for one setting after the other; what two share is made once.

    It remembers tables, labels, splits, baselines and the latest graphs as long as it lives.

    Args:
        request: What is read.
    """

    def __init__(self, request: Request) -> None:
        self.request = request
        self._tables: dict[str, CrystalTable] = {}
        self._datasets: dict[str, Dataset] = {}
        self._divided: dict[str, Divided] = {}
        self._graphs: dict[str, tuple[Dataset, Graphs]] = {}
        self._examined: dict[Divided, dict[str, Any]] = {}
        self._baselines: dict[tuple[Divided, int], dict[str, list[ModelResult]]] = {}

    def dataset(self, config: RunConfig, *, progress: bool = False) -> Dataset:
        """Read crystals and labels, or return what was read before.

        Args:
            config: Targets, conditions, and what is done with disorder.
            progress: Show a progress bar on standard error.

        Raises:
            InputError: If the source cannot be used.
        """
        source, disorder = self.request.source, config.data.disorder
        key = repr((disorder, config.targets, config.spec.conditions))
        if key not in self._datasets:
            if disorder not in self._tables:
                self._tables[disorder] = read_table(source, progress=progress, disorder=disorder)
            table = self._tables[disorder]
            self._datasets[key] = label(table, source, config.targets, config.spec.conditions)
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
        """Return the training and the validation part alone, of which the test part is not read.

        Args:
            config: The settings.

        Raises:
            InputError: If a crystal has no graph of these settings, or there is no validation part.
        """
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
        split = Split(train, val, np.zeros(0, dtype=np.int64), whole.split.description)
        return Prepared(Divided(dataset, split), graphs)

    def examined(self, divided: Divided) -> dict[str, Any]:
        """Return the content of ``split.json``.

        Args:
            divided: Of what was prepared.
        """
        if divided not in self._examined:
            self._examined[divided] = examine_split(divided)
        return self._examined[divided]

    def baselines(self, divided: Divided, seed: int) -> dict[str, list[ModelResult]]:
        """Return what the baselines predict for every crystal, by the name of the target.

        Args:
            divided: Of what was prepared.
            seed: Of the baselines that draw.
        """
        if (divided, seed) not in self._baselines:
            self._baselines[divided, seed] = {
                target.name: fit_baselines(divided, target, seed=seed)
                for target in divided.dataset.targets
            }
        return self._baselines[divided, seed]

    def _with_graphs(
        self, dataset: Dataset, config: RunConfig, progress: bool
    ) -> tuple[Dataset, Graphs]:
        """Return the crystals that have a graph, and the graphs; the latest are remembered."""
        settings = config.spec.make_graph_settings()
        key = repr((dataset.content_hash, settings.settings(), dataset.targets, dataset.conditions))
        if key not in self._graphs:
            self._graphs.clear()  # before others are built: they are large
            graphs = make_graphs(dataset.table.crystals, settings, config.data, progress=progress)
            supported = dataset.reject({one.index: one.reason for one in graphs.unsupported})
            self._graphs[key] = supported, graphs.with_states(supported.states)
        return self._graphs[key]

    def _divide(self, dataset: Dataset, config: RunConfig) -> Divided:
        """Divide crystals, and look that each target has labels to learn from and to test on."""
        split = make_split(dataset, config.data, self.request.known, config.training.seed)
        divided = Divided(dataset, split)
        said = (dataset.content_hash, dataset.targets, dataset.conditions, split.description)
        key = hashlib.sha256(repr(said).encode())
        for name, rows in divided.split.parts().items():
            key.update(name.encode() + rows.astype("<i8").tobytes())
        for target in dataset.targets:
            divided.of_target(target.name)
        return self._divided.setdefault(key.hexdigest(), divided)
