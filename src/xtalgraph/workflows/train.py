"""Train: from a source of crystals to a run folder with a model and its evidence."""

import logging
import math
import time
from collections.abc import Mapping, Sequence
from dataclasses import asdict, replace
from functools import partial
from pathlib import Path
from typing import Annotated, Any, Unpack

from xtalgraph.baselines.pulay_stress import pulay_stress
from xtalgraph.conventions.declarations import Spelled
from xtalgraph.conventions.documents import write_json
from xtalgraph.conventions.elements import ATOMIC_NUMBERS
from xtalgraph.conventions.files import make_folder, write_atomically
from xtalgraph.conventions.logs import log
from xtalgraph.conventions.stopping import stopping_on_signals
from xtalgraph.crystals.composition import held_by
from xtalgraph.data.dataset import Divided
from xtalgraph.data.potential_summary import summarise_labels
from xtalgraph.evidence.assessment import assess_uncertainty
from xtalgraph.evidence.novelty_assessment import assess_novelty
from xtalgraph.evidence.pages.card import write_card
from xtalgraph.evidence.pages.report import write_report
from xtalgraph.evidence.performance import ModelResult, measured, shown_crystals, worst_of
from xtalgraph.evidence.run_files import FOLDER, prediction_tables
from xtalgraph.evidence.text.data import about_division
from xtalgraph.evidence.text.division import about_drawing
from xtalgraph.evidence.text.potential import about_labels, warnings_about_labels
from xtalgraph.evidence.text.record import record_in_words
from xtalgraph.evidence.text.training import about_conditions, about_target
from xtalgraph.models.checkpoint import check_finite, member_folder, save_model
from xtalgraph.models.intervals import calibrate, save_intervals, with_intervals
from xtalgraph.models.manifest import write_manifest
from xtalgraph.models.predictor import TRAINING_FILE
from xtalgraph.nn.determinism import deterministic
from xtalgraph.workflows.claim import check_settings, claimed
from xtalgraph.workflows.config import CALIBRATION_FRACTION, RunConfig
from xtalgraph.workflows.executor import Session
from xtalgraph.workflows.fit import FittedMembers, fit_member, gathered, member_fits
from xtalgraph.workflows.fitted_terms import terms_alone, warn_about_calculation
from xtalgraph.workflows.graph_source import warn_about_graphs
from xtalgraph.workflows.preflight import check_ahead
from xtalgraph.workflows.prepared import Preparations
from xtalgraph.workflows.record import (
    earlier_split_document,
    make_record,
    versions,
)
from xtalgraph.workflows.rejections import check_rejected
from xtalgraph.workflows.request import Request
from xtalgraph.workflows.run import Run
from xtalgraph.workflows.setting_names import TrainOptions, with_settings
from xtalgraph.workflows.starting_point import StartingPoint


@with_settings
def train(
    data: Any,
    *,
    out: Annotated[str | Path, Spelled("RUN")],
    intervals: bool = False,
    resume: bool = False,
    progress: bool = True,
    **options: Unpack[TrainOptions],
) -> Run:
    """Train a model and write a run folder: weights, metrics beside baselines, report.

    A setting that is given here wins over the file ``config``, and ``overrides`` over both. Where
    nothing is given, a known data set has its own target, and an architecture as many members as it
    recommends.

    Args:
        data: A file, folder, table, DataFrame or list of crystals, or the name of a known data set.
        out: Run folder to write. It must not hold a run, unless it is resumed.
        intervals: Calibrate 90 % intervals, on a tenth of training. That part is set aside, or as
            much as ``data.calibration_fraction`` says.
        resume: Continue a run that was stopped. It must have the same settings; a finished one
            is left as it is, and where there is none it begins.
        progress: Show progress bars on standard error.
        **options: Settings.

    Raises:
        ConfigError: On settings that cannot be.
        InputError: If the data cannot be used; with ``on_error="raise"``, if any row cannot.
        RunError: If the folder holds another run.
        Stopped: On SIGTERM or Ctrl-C; the state of the training is saved before.
    """
    request = Request.of(data, options).recommended()
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

    Raises:
        ConfigError: If the machine has not what is asked of it.
        InputError: If the data cannot be used.
        RunError: If the folder holds another run.
        Stopped: On SIGTERM or Ctrl-C; the state of the training is saved before.
    """
    check_ahead(preparations.request.data, preparations.request.known, config)
    start = StartingPoint.of(config)
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
        division = earlier_split_document(folder, divided) or preparations.split_document(divided)
        write_atomically(folder / "config.yaml", config.to_yaml())
        write_json(folder / "split.json", division)
        _tell_split(divided, division)
        if config.spec.is_potential:
            _tell_labels(divided)
        warn_about_graphs(prepared.graphs, divided.dataset.table.ids, config.spec)
        warn_about_calculation(prepared, config)
        if start is not None:
            start = start.with_data(config, divided, progress=session.progress)
        spec = config.spec if start is None else start.spec
        config = replace(config, spec=prepared.measured(spec))
        executor, tasks = member_fits(folder, prepared, config, session, start)
        training = config.training
        baselines = partial(preparations.baselines, divided, training.seed, training.weights)
        members = dict(executor.run(fit_member, tasks, meanwhile=baselines))
        fitted = gathered(folder, prepared, config, [members[task.number] for task in tasks])
        if start is not None:
            fitted.trained["start"] = start.record(_elements(divided))
        alone = terms_alone(fitted.members[0], prepared, config)
        others = {name: [*alone[name], *listed] for name, listed in baselines().items()}
        _write_run(folder, config, divided, division, fitted, others, began)
    return Run(folder)


def _tell_labels(divided: Divided) -> None:
    """Say what the labels of a potential are like, and what is wrong with them."""
    dataset = divided.dataset
    summary = summarise_labels(dataset)
    pulay = pulay_stress(dataset.table.crystals, dataset.labels, divided.split.train)
    for sentence in about_labels(summary, pulay):
        log.info("%s", sentence)
    for warning in warnings_about_labels(summary, pulay):
        log.warning("%s", warning)


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
    intervals = calibrate(divided, fitted.result.predictions)
    predictions = with_intervals(
        fitted.result.predictions, intervals, divided.dataset.table.crystals
    )
    assessed = replace(fitted.result, predictions=predictions)
    results = {name: [assessed, *others] for name, others in baselines.items()}
    record = make_record(folder, config, divided, fitted.trained, _seconds(results, began))
    known = {
        "elements": _elements(divided),
        "data_sha256": divided.dataset.content_hash,
        "versions": versions(),
        "manifest": True,
    }
    count = len(fitted.members)
    for number, model in enumerate(fitted.members):
        check_finite(model, member_folder(folder, number))
        save_model(member_folder(folder, number), model, config.spec, known | {"members": count})
    fitted.training_set.save(folder / TRAINING_FILE)
    if intervals:
        save_intervals(folder, intervals)
    make_folder(folder / FOLDER)
    for name, text in prediction_tables(divided, predictions).items():
        write_atomically(folder / name, text)
    learned, names = config.training.variance, tuple(intervals)
    uncertainty = assess_uncertainty(
        divided, predictions, count, fitted.copies, names, learned=learned
    )
    metrics = measured(divided, results)
    quality = assess_novelty(divided, predictions, fitted.novelty)
    for name, assessment in uncertainty.items():
        metrics["targets"][name]["uncertainty"] = assessment
    for name, novelty in quality.items():
        metrics["targets"][name]["novelty"] = asdict(novelty)
    write_json(folder / "metrics.json", metrics)
    write_json(folder / "worst.json", worst_of(divided, predictions))
    write_json(folder / "structures.json", shown_crystals(divided))
    write_json(folder / "record.json", record)
    write_card(folder, record_in_words(record, division))
    finish(folder)


def finish(folder: Path) -> None:
    """Write the pages of a run whose numbers are written, then its manifest."""
    write_report(folder)
    write_manifest(folder)


def _seconds(results: Mapping[str, Sequence[ModelResult]], began: float) -> dict[str, float]:
    """Return the time of the model, of the baselines of all targets, and of everything."""
    seconds: dict[str, float] = {}
    for model, *baselines in results.values():
        seconds[model.name] = round(model.seconds, 1)
        for baseline in baselines:
            seconds[baseline.name] = round(seconds.get(baseline.name, 0.0) + baseline.seconds, 1)
    return seconds | {"everything": round(time.monotonic() - began, 1)}


def _elements(divided: Divided) -> list[str]:
    crystals = divided.dataset.table.crystals
    held = set().union(*(held_by(crystals[i]) for i in divided.split.train))
    return sorted(held, key=lambda symbol: ATOMIC_NUMBERS.get(symbol, math.inf))


def announce_all(config: RunConfig) -> None:
    """Say how the targets are understood, and which conditions of a crystal are read."""
    for target in config.targets:
        log.info("%s", about_target(target))
    for sentence in about_conditions(config.spec.conditions):
        log.info("%s", sentence)


def _tell_split(divided: Divided, division: Mapping[str, Any]) -> None:
    """Say how the crystals are divided, what the parts share, and which labels are missing."""
    dataset, split = divided.dataset, divided.split
    counts = ", ".join(f"{len(rows)} {name}" for name, rows in split.parts().items())
    log.info("%d crystals: %s (%s)", len(dataset), counts, about_drawing(split.drawn))
    for text, alarm in about_division(division, dataset.targets):
        log.log(logging.WARNING if alarm else logging.INFO, "%s", text)
    for target in dataset.targets:
        known = int(dataset.labels.known(target.name).sum())
        if known < len(dataset):  # the other crystals are learned from all the same
            log.info("target %s: %d of %d crystals have a label", target.name, known, len(dataset))
