"""Train: from a source of crystals to a run folder with a model and its evidence."""

import logging
import math
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from xtalgraph.conventions.elements import ATOMIC_NUMBERS
from xtalgraph.conventions.stopping import stopping_on_signals
from xtalgraph.crystals.composition import held_by
from xtalgraph.data.splits import Split
from xtalgraph.evidence.card import write_card
from xtalgraph.evidence.report import write_report
from xtalgraph.models.checkpoint import check_finite, member_folder, save_model
from xtalgraph.models.intervals import save_intervals
from xtalgraph.models.manifest import write_manifest
from xtalgraph.models.predictor import TRAINING_FILE
from xtalgraph.nn.determinism import deterministic
from xtalgraph.training.reporting import Report, silent
from xtalgraph.workflows import outcome as out
from xtalgraph.workflows.announcements import announce, announce_state, tell_missing
from xtalgraph.workflows.claim import check_settings, claimed
from xtalgraph.workflows.config import CALIBRATION_FRACTION, RunConfig
from xtalgraph.workflows.dataset import Dataset
from xtalgraph.workflows.examine_split import division_fields
from xtalgraph.workflows.graph_source import make_graphs
from xtalgraph.workflows.members import fit_members
from xtalgraph.workflows.novelty import assess_novelty
from xtalgraph.workflows.preflight import check_ahead
from xtalgraph.workflows.prepare import make_split, read_dataset
from xtalgraph.workflows.record import make_record
from xtalgraph.workflows.rejections import check_rejected, stop_at_rejected
from xtalgraph.workflows.request import Request, SharedOptions
from xtalgraph.workflows.run import Run
from xtalgraph.workflows.shown_crystals import shown_crystals
from xtalgraph.workflows.split_work import SplitWork
from xtalgraph.workflows.uncertainty import assess_uncertainty, calibrate, with_assessment
from xtalgraph.workflows.view import measured, views_of, worst_of

log = logging.getLogger("xtalgraph")


def train(
    data: Any,
    *,
    out: str | Path,
    target: str | Sequence[str] | None = None,
    model: str | None = None,
    kind: str | Sequence[str] | None = None,
    task: str | Sequence[str] | None = None,
    unit: str | Sequence[str] | None = None,
    best: str | Sequence[str] | None = None,
    split: str | None = None,
    fold: int | None = None,
    folds: int | None = None,
    epochs: int | None = None,
    seed: int | None = None,
    members: int | None = None,
    jobs: int | None = None,
    intervals: bool = False,
    on_error: str | None = None,
    disorder: str | None = None,
    config: str | Path | None = None,
    overrides: Sequence[str] = (),
    resume: bool = False,
    progress: bool = True,
) -> Run:
    """Train a model and write a run folder: weights, metrics beside baselines, report.

    Args:
        data: A file, folder, table, DataFrame or list of crystals, or the name of a known data set.
        out: The run folder; must not hold a run, unless it is resumed.
        target: Column to predict, or several; a known data set has its own. Of several targets some
            may be missing in a row; what is said below is for all of them, or a list as long.
        model: Architecture.
        kind: extensive (a total of the cell), intensive, or atomic.
        task: ``regression``, or ``classification`` for one of two classes; ``data.classes`` names
            them where the labels are not 0 and 1.
        unit: Of the target, as it is to be printed.
        best: ``low`` or ``high``: which end counts as best in top-k recall.
        split: How the crystals are divided: random, folds, formula, chemsys, prototype,
            group:COLUMN, element:O, anion:N, family:nitride, target:high, time:COLUMN or
            column:COLUMN.
        fold: The test fold.
        folds: How many folds are drawn.
        epochs: Passes over the training part.
        seed: Of the split, the weights and the order.
        members: How many models are trained from different weights, for their mean and spread;
            None takes the number that is recommended for the architecture.
        jobs: How many of them are trained side by side; None takes the cores of this process.
        intervals: Set a tenth of the training part aside to calibrate intervals, unless
            ``data.calibration_fraction`` says how much.
        on_error: ``raise`` or ``skip``: what a row that cannot be used does.
        disorder: What to do with crystals whose sites hold several species or are empty in part:
            ``refuse`` (default), ``mix`` or ``order``; see docs/disorder.md.
        config: YAML file with the sections data, graph, model, training.
        overrides: Dotted settings, ``training.batch_size=32``, which win over everything else.
        resume: Go on where a killed run of the same settings stopped, or begin if there is none; a
            finished one is left as it is.
        progress: Show progress bars on standard error.

    Returns:
        The run.

    Raises:
        ConfigError: On settings that cannot be.
        InputError: If the data cannot be used; with ``on_error="raise"``, if any row cannot.
        RunError: If the folder holds another run.
        Stopped: On SIGTERM or Ctrl-C; the state of the training is saved before.
    """
    options: SharedOptions = {
        "target": target,
        "model": model,
        "kind": kind,
        "task": task,
        "unit": unit,
        "best": best,
        "split": split,
        "folds": folds,
        "epochs": epochs,
        "jobs": jobs,
        "on_error": on_error,
        "disorder": disorder,
        "config": config,
        "overrides": overrides,
    }
    request = Request.of(data, options, fold=fold, seed=seed, members=members).recommended()
    aside = intervals and not request.sections["data"].get("calibration_fraction")
    changes = {"data.calibration_fraction": CALIBRATION_FRACTION} if aside else {}
    asked = request.config(changes)
    return train_request(request, asked, Path(out), resume=resume, progress=progress)


def train_request(
    request: Request,
    config: RunConfig,
    folder: Path,
    *,
    resume: bool,
    progress: bool,
    work: SplitWork | None = None,
    report: Report = silent,
) -> Run:
    """Train what was asked for, with settings that are resolved.

    Args:
        request: What is read.
        config: The settings.
        folder: The run folder.
        resume: Go on where a killed run of the same settings stopped, or begin if there is none; a
            finished one is left as it is.
        progress: Show progress bars on standard error.
        work: What other trainings on the same data share with this one; None where there are none.
        report: Told how far the training has come.

    Returns:
        The run.

    Raises:
        ConfigError: If the machine has not what is asked of it.
        InputError: If the data cannot be used.
        RunError: If the folder holds another run.
        Stopped: On SIGTERM or Ctrl-C; the state of the training is saved before.
    """
    check_ahead(request.data, request.known, config)
    if resume and Run.is_finished(folder):
        check_settings(folder, config)
        log.info("%s is finished: nothing is left to do", folder)
        return Run.open(folder)
    with (
        claimed(folder, config, resume=resume),
        stopping_on_signals(),
        deterministic(config.training.threads),
    ):
        _train(folder, request, config, work or SplitWork(), resume, progress, report)
    return Run(folder)


def _train(
    folder: Path,
    request: Request,
    config: RunConfig,
    work: SplitWork,
    resume: bool,
    progress: bool,
    report: Report,
) -> None:
    began = time.monotonic()
    targets, seed = config.targets, config.training.seed
    for target in targets:
        announce(target)
    conditions = config.spec.conditions
    announce_state(conditions)
    dataset = read_dataset(
        request.source, targets, conditions, progress=progress, disorder=config.data.disorder
    )
    # These may refuse, and graphs take long to build.
    stop_at_rejected(dataset.table.rejected, config.data.on_error, folder)
    split = make_split(dataset, config.data, request.known, seed)
    views = views_of(dataset, split, targets)
    graph_settings = config.spec.make_graph_settings()
    graphs = make_graphs(dataset.table.crystals, graph_settings, config.data, progress=progress)
    if graphs.unsupported:
        dataset = dataset.reject({one.index: one.reason for one in graphs.unsupported})
        split = make_split(dataset, config.data, request.known, seed)
        views = views_of(dataset, split, targets)
    graphs = graphs.with_states(dataset.states)
    check_rejected(dataset.table.rejected, config.data.on_error, folder)
    data_hash = dataset.content_hash()
    out.write_text(folder / "config.yaml", config.to_yaml())
    division = work.division(folder, dataset, split, targets, data_hash)
    out.write_json(folder / "split.json", division)
    counts = ", ".join(f"{len(rows)} {name}" for name, rows in split.parts().items())
    log.info("%d crystals: %s (%s)", len(dataset.table), counts, split.how)
    for said in division["said"]:
        log.log(logging.WARNING if said["alarm"] else logging.INFO, "%s", said["text"])
    for view in views:
        tell_missing(view.target, len(view.places), len(dataset.table))

    fitted = fit_members(
        folder,
        dataset,
        graphs,
        split,
        config,
        data_hash,
        resume=resume,
        progress=progress,
        report=report,
    )
    outcome, intervals = calibrate(dataset, split, fitted.outcome, targets)
    compared = [[view.outcome(outcome), *work.baselines(view, data_hash, seed)] for view in views]
    seconds = {outcome.name: round(outcome.seconds, 1)}
    for _, *baselines in compared:
        for one in baselines:
            seconds[one.name] = round(seconds.get(one.name, 0.0) + one.seconds, 1)
    seconds["everything"] = round(time.monotonic() - began, 1)
    record = make_record(folder, config, dataset, split, data_hash, fitted.trained, seconds)
    record["Data"] |= division_fields(division)
    elements = _elements(dataset, split)
    known = {
        "elements": elements,
        "data_sha256": data_hash,
        "versions": out.versions(),
        "manifest": True,
    }
    count = len(fitted.members)
    for number, model in enumerate(fitted.members):
        check_finite(model, member_folder(folder, number))
        said = {"members": count} if count > 1 and number == 0 else {}
        save_model(member_folder(folder, number), model, config.spec, known | said)
    fitted.training_set.save(folder / TRAINING_FILE)
    if intervals:
        save_intervals(folder, intervals)
    predictions = out.predictions_csv(dataset, split, outcome, targets)
    out.write_text(folder / "predictions.csv", predictions)
    metrics = measured(views, compared, split)
    learned = config.training.variance
    assessed = assess_uncertainty(
        views, outcome, count, fitted.copies, tuple(intervals), learned=learned
    )
    metrics = with_assessment(metrics, "uncertainty", assessed)
    novelty = assess_novelty(views, outcome, fitted.novelty)
    out.write_json(folder / "metrics.json", with_assessment(metrics, "novelty", novelty))
    out.write_json(folder / "worst.json", worst_of(views, compared))
    out.write_json(folder / "structures.json", shown_crystals(dataset, split))
    out.write_json(folder / "record.json", record)
    write_card(folder, record)
    write_report(folder)
    write_manifest(folder)


def _elements(dataset: Dataset, split: Split) -> list[str]:
    held = set().union(*(held_by(dataset.table.crystals[i]) for i in split.train))
    return sorted(held, key=lambda one: ATOMIC_NUMBERS.get(one, math.inf))
