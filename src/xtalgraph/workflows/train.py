"""Train: from a source of crystals to a run folder with a model and its evidence."""

import logging
import math
import time
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from xtalgraph.conventions.elements import ATOMIC_NUMBERS
from xtalgraph.conventions.stopping import stopping_on_signals
from xtalgraph.crystals.composition import held_by
from xtalgraph.data.divided import Divided
from xtalgraph.evidence.card import write_card
from xtalgraph.evidence.report import write_report
from xtalgraph.models.checkpoint import check_finite, member_folder, save_model
from xtalgraph.models.intervals import save_intervals
from xtalgraph.models.manifest import write_manifest
from xtalgraph.models.predictor import TRAINING_FILE
from xtalgraph.nn.determinism import deterministic
from xtalgraph.workflows import outcome as out
from xtalgraph.workflows.announcements import announce_all, tell_split
from xtalgraph.workflows.claim import check_settings, claimed
from xtalgraph.workflows.config import CALIBRATION_FRACTION, RunConfig
from xtalgraph.workflows.examine_split import division_fields, examined_before
from xtalgraph.workflows.members import FittedMembers, fit_members
from xtalgraph.workflows.model_result import ModelResult
from xtalgraph.workflows.novelty import assess_novelty
from xtalgraph.workflows.preflight import check_ahead
from xtalgraph.workflows.prepared import Preparations
from xtalgraph.workflows.record import make_record
from xtalgraph.workflows.rejections import check_rejected
from xtalgraph.workflows.request import Request, SharedOptions
from xtalgraph.workflows.run import Run
from xtalgraph.workflows.session import Session
from xtalgraph.workflows.shown_crystals import shown_crystals
from xtalgraph.workflows.uncertainty import assess_uncertainty, calibrate, with_assessment

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
    session = Session(progress=progress, resume=resume)
    return train_run(Preparations(request), asked, Path(out), session)


def train_run(preparations: Preparations, config: RunConfig, folder: Path, session: Session) -> Run:
    """Train with settings that are resolved.

    Args:
        preparations: What is learned from, shared with other trainings.
        config: The settings.
        folder: The run folder; a finished run of the same settings is left as it is if the session
            resumes.
        session: How the training is run.

    Returns:
        The run.

    Raises:
        ConfigError: If the machine has not what is asked of it.
        InputError: If the data cannot be used.
        RunError: If the folder holds another run.
        Stopped: On SIGTERM or Ctrl-C; the state of the training is saved before.
    """
    check_ahead(preparations.request.data, preparations.request.known, config)
    if session.resume and Run.is_finished(folder):
        check_settings(folder, config)
        log.info("%s is finished: nothing is left to do", folder)
        return Run.open(folder)
    with (
        claimed(folder, config, resume=session.resume),
        stopping_on_signals(),
        deterministic(config.training.threads),
    ):
        began = time.monotonic()
        announce_all(config)
        prepared = preparations.prepared(config, folder, progress=session.progress)
        divided = prepared.divided
        check_rejected(divided.dataset.table.rejected, config.data.on_error, folder)
        division = examined_before(folder, divided) or preparations.examined(divided)
        out.write_text(folder / "config.yaml", config.to_yaml())
        out.write_json(folder / "split.json", division)
        tell_split(divided, division)
        fitted = fit_members(folder, prepared, config, session)
        baselines = preparations.baselines(divided, config.training.seed)
        _write_run(folder, config, divided, division, fitted, baselines, began)
    return Run(folder)


def _write_run(
    folder: Path,
    config: RunConfig,
    divided: Divided,
    division: dict[str, Any],
    fitted: FittedMembers,
    baselines: Mapping[str, Sequence[ModelResult]],
    began: float,
) -> None:
    """Write everything that a training leaves; the manifest last, so that it says all is there."""
    predictions, intervals = calibrate(divided, fitted.result.predictions)
    own = replace(fitted.result, predictions=predictions)
    results = {name: [own, *others] for name, others in baselines.items()}
    record = make_record(folder, config, divided, fitted.trained, _seconds(results, began))
    record["Data"] |= division_fields(division)
    known = {
        "elements": _elements(divided),
        "data_sha256": divided.dataset.content_hash,
        "versions": out.versions(),
        "manifest": True,
    }
    count = len(fitted.members)
    for number, model in enumerate(fitted.members):
        check_finite(model, member_folder(folder, number))
        members = {"members": count} if count > 1 and number == 0 else {}
        save_model(member_folder(folder, number), model, config.spec, known | members)
    fitted.training_set.save(folder / TRAINING_FILE)
    if intervals:
        save_intervals(folder, intervals)
    out.write_text(folder / "predictions.csv", out.predictions_csv(divided, predictions))
    learned, names = config.training.variance, tuple(intervals)
    uncertainty = assess_uncertainty(
        divided, predictions, count, fitted.copies, names, learned=learned
    )
    metrics = with_assessment(out.measured(divided, results), "uncertainty", uncertainty)
    novelty = assess_novelty(divided, predictions, fitted.novelty)
    out.write_json(folder / "metrics.json", with_assessment(metrics, "novelty", novelty))
    out.write_json(folder / "worst.json", out.worst_of(divided, predictions))
    out.write_json(folder / "structures.json", shown_crystals(divided))
    out.write_json(folder / "record.json", record)
    write_card(folder, record)
    write_report(folder)
    write_manifest(folder)


def _seconds(results: Mapping[str, Sequence[ModelResult]], began: float) -> dict[str, float]:
    """Return the time of the model, of the baselines of all targets, and of everything."""
    seconds: dict[str, float] = {}
    for own, *baselines in results.values():
        seconds[own.name] = round(own.seconds, 1)
        for one in baselines:
            seconds[one.name] = round(seconds.get(one.name, 0.0) + one.seconds, 1)
    return seconds | {"everything": round(time.monotonic() - began, 1)}


def _elements(divided: Divided) -> list[str]:
    crystals = divided.dataset.table.crystals
    held = set().union(*(held_by(crystals[i]) for i in divided.split.train))
    return sorted(held, key=lambda one: ATOMIC_NUMBERS.get(one, math.inf))
