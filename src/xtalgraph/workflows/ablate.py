"""Ablate: train every combination of some settings, and lay the results beside each other."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any, Unpack

import numpy as np

from xtalgraph.conventions.declarations import Spelled
from xtalgraph.conventions.documents import csv_text, write_json
from xtalgraph.conventions.errors import RunError, XtalgraphError
from xtalgraph.conventions.files import write_atomically
from xtalgraph.conventions.logs import log
from xtalgraph.data.dataset import Dataset
from xtalgraph.data.reported_units import reported_units
from xtalgraph.evidence.diagnostics.depth import MEASURED, measure_smoothing
from xtalgraph.evidence.pages.ablation import write_ablation_page
from xtalgraph.training.state import Report
from xtalgraph.workflows.ablation import (
    FORMAT,
    Ablation,
    choose,
    finished_point,
    point_record,
    rows_of,
    summaries,
)
from xtalgraph.workflows.claim import is_empty, sole_writer
from xtalgraph.workflows.executor import Executor, Session, processes_outside
from xtalgraph.workflows.preflight import check_ahead
from xtalgraph.workflows.prepared import Preparations
from xtalgraph.workflows.rejections import stop_at_rejected
from xtalgraph.workflows.request import Request
from xtalgraph.workflows.run import Run
from xtalgraph.workflows.setting_names import TrialOptions, with_settings
from xtalgraph.workflows.sweep import Point, Sweep, points_of
from xtalgraph.workflows.train import train_run


@with_settings
def ablate(
    data: Any,
    *,
    out: Annotated[str | Path, Spelled("DIR")],
    sweep: Annotated[Mapping[str, Sequence[Any]] | Sequence[str], Spelled("a.b=1,2")],
    fold: Annotated[int | Sequence[int] | None, Spelled("K,K")] = None,
    seed: Annotated[int | Sequence[int] | None, Spelled("N,N")] = None,
    progress: bool = True,
    **options: Unpack[TrialOptions],
) -> Ablation:
    """Train every combination of some settings; the same call goes on where one was killed.

    Points are trained side by side, in as many processes as ``training.jobs`` says.

    Args:
        data: As `train` takes it.
        out: Folder of the table, the page, and ``points/`` with a run folder for each point.
        sweep: A setting and its values, as model.depth=2,3,4; several make a grid. In Python also
            a mapping of settings to values. The first is the axis of the figures, the second their
            lines.
        fold: Test folds; several are repetitions, and are averaged.
        seed: Seeds; several are repetitions, and are averaged.
        progress: Show progress bars on standard error.
        **options: Settings.

    Returns:
        What was found. A point that could not be trained is in `Ablation.failed`, the others are
        trained all the same.

    Raises:
        ConfigError: On a setting that cannot be, of any point, before anything is trained.
        InputError: If the data cannot be used.
        RunError: If the folder holds something else, or was begun with other data.
    """
    request = Request.of(data, options)
    if isinstance(sweep, Mapping):
        sweeps = [Sweep(key, tuple(values)) for key, values in sweep.items()]
    else:
        sweeps = [Sweep.parse(text) for text in sweep]
    points = points_of(request, sweeps, _several(fold), _several(seed))
    config = points[0].config
    for point in points:
        check_ahead(request.data, request.known, point.config)
    with sole_writer(Path(out)):
        preparations = Preparations(request)
        dataset = preparations.dataset(config, progress=progress)
        stop_at_rejected(dataset.table.rejected, config.data.on_error)
        table = _Table.begin(Path(out), points, sweeps, dataset)
        many = processes_outside(len(points), config.training, len(dataset.table))
        folders = [table.folder_of(point) for point in points]
        tasks = [
            _Task(point, folder, f"point {number} of {len(points)}")
            for number, (point, folder) in enumerate(zip(points, folders, strict=True), start=1)
        ]
        shared = _Shared(preparations, dataset, progress and many == 1)
        executor = Executor(shared, many, "points", progress and many > 1)
        for number, record in executor.run(_do, tasks):
            table.records[number] = record
            table.write()
        ablation = Ablation(table.folder, table.document())
        write_ablation_page(ablation.folder, ablation.document)
    return ablation


def _several(given: int | Sequence[int] | None) -> list[int]:
    if given is None:
        return []
    return [given] if isinstance(given, int) else list(given)


@dataclass(frozen=True, eq=False)
class _Shared:
    """What every point needs."""

    preparations: Preparations
    """What the trainings learn from."""
    dataset: Dataset
    """Crystals and labels, whatever the settings of a point."""
    progress: bool
    """Whether progress bars of a training are shown."""


@dataclass(frozen=True)
class _Task:
    """A point that is to be trained."""

    point: Point
    folder: Path
    name: str
    """Which of how many, for messages."""


def _do(shared: _Shared, task: _Task, report: Report) -> dict[str, Any]:
    """Return the record of a point, or of its failure."""
    try:
        return _finish(shared, task, report)
    except Exception as error:  # whatever one point dies of, the others are still to be done
        reason = str(error) if isinstance(error, XtalgraphError) else repr(error)
        log.warning("%s failed, %s: %s", task.name, task.point, reason)
        log.debug("", exc_info=error)
        return point_record(task.point, task.folder.name, "failed") | {"reason": reason}


def _finish(shared: _Shared, task: _Task, report: Report) -> dict[str, Any]:
    """Train a point, where that is not done yet, and measure its layers."""
    point, folder, dataset = task.point, task.folder, shared.dataset
    smoothing = folder / "smoothing.json"
    if not smoothing.is_file():
        log.info("%s: %s", task.name, point)
    if not Run.is_finished(folder):
        session = Session(progress=shared.progress, report=report)
        train_run(shared.preparations, point.config, folder, session)
    run = Run.open(folder)
    if not smoothing.is_file():
        rows = {name: row for row, name in enumerate(dataset.table.ids)}
        test = np.array([rows[name] for name in run.division["test"]], dtype=int)
        shown = [dataset.table.crystals[row] for row in test]
        layers = measure_smoothing(run.predictor, shown, dataset.conditions_of(test))
        size = min(len(shown), MEASURED)
        write_json(smoothing, {"part": "test", "crystals": size, "layers": layers})
    measured = json.loads(smoothing.read_text(encoding="utf-8"))
    return finished_point(point, run, measured["layers"])


@dataclass
class _Table:
    """The folder of an ablation, and the records that are written into it after each point."""

    folder: Path
    keys: dict[str, list[Any]]
    targets: list[dict[str, Any]]
    data_sha256: str
    records: list[dict[str, Any]]

    @classmethod
    def begin(
        cls, folder: Path, points: Sequence[Point], sweeps: Sequence[Sweep], dataset: Dataset
    ) -> "_Table":
        """Make the folder, or go on in one that was made from the same data."""
        digest = dataset.content_hash
        if (folder / "ablate.json").is_file():
            before = Ablation.open(folder).document["data_sha256"]
            if before != digest:
                raise RunError(
                    f"{folder} was begun with other crystals or targets, of SHA-256 "
                    f"{before[:12]}... and not {digest[:12]}...: choose another --out"
                )
        elif not is_empty(folder):
            raise RunError(f"{folder} is not empty and holds no ablation: choose another --out")
        swept = {sweep.key: list(sweep.values) for sweep in sweeps}
        units = reported_units(points[0].config.targets)
        targets = [target.as_dict() for target in points[0].config.targets]
        for target in targets:
            if target["name"] in units:
                target["unit"] = units[target["name"]].error
        table = cls(folder, swept, targets, digest, [])
        table.records = [
            point_record(point, table.folder_of(point).name, "waiting") for point in points
        ]
        table.write()
        return table

    def folder_of(self, point: Point) -> Path:
        """Return the folder of a point; where an earlier sweep has trained it, that one."""
        there = sorted((self.folder / "points").glob(f"*_{point.key}"))
        return there[0] if there else self.folder / "points" / point.name

    def document(self) -> dict[str, Any]:
        """Return the content of ``ablate.json``."""
        settings = summaries(self.records)
        return {
            "format": FORMAT,
            "data_sha256": self.data_sha256,
            "targets": self.targets,
            "sweep": self.keys,
            "points": self.records,
            "settings": settings,
            "chosen": choose(settings),
        }

    def write(self) -> None:
        """Write ``ablate.json`` and ``ablate.csv``."""
        document = self.document()
        write_json(self.folder / "ablate.json", document)
        write_atomically(self.folder / "ablate.csv", csv_text(rows_of(document)))
