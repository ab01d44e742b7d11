"""Tune: search settings by validation inside the training part, and test the best once."""

import hashlib
import json
import shutil
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any, Final, Unpack, cast, final

import torch

from xtalgraph.conventions.declarations import Spelled
from xtalgraph.conventions.documents import csv_text, write_json
from xtalgraph.conventions.errors import ConfigError, RunError, XtalgraphError
from xtalgraph.conventions.extras import import_extra
from xtalgraph.conventions.files import write_atomically
from xtalgraph.conventions.logs import log
from xtalgraph.conventions.ranges import Count
from xtalgraph.conventions.settings import checks_arguments
from xtalgraph.nn.determinism import deterministic
from xtalgraph.training.state import Report
from xtalgraph.workflows.claim import is_empty, sole_writer
from xtalgraph.workflows.config import RunConfig
from xtalgraph.workflows.data_settings import FoldCount
from xtalgraph.workflows.executor import Executor, Session, processes_for
from xtalgraph.workflows.fit import trainer_for
from xtalgraph.workflows.preflight import check_ahead
from xtalgraph.workflows.prepared import Preparations
from xtalgraph.workflows.rejections import check_rejected
from xtalgraph.workflows.request import Request
from xtalgraph.workflows.run import Run
from xtalgraph.workflows.search_space import Choice, Space, default_space, parse_space
from xtalgraph.workflows.setting_names import TrainOptions, with_settings
from xtalgraph.workflows.train import train_run

Errors = Mapping[str, float]
"""Of one training, by name; ``validation error`` is what a search makes small."""
_ERROR: Final = "validation error"
_ROUND: Final = 4
"""Trials that are drawn together, whatever the number of processes, so that it decides nothing."""


@final
@dataclass(frozen=True, eq=False)
class Tuning:
    """A finished search."""

    folder: Path
    trials: tuple[Mapping[str, Any], ...]
    """One record for each: number, settings, validation error or reason."""
    best: Mapping[str, Any]
    """The record with the lowest validation error."""
    run: Run
    """The model that was trained with these settings, the only one that has seen the test."""


@checks_arguments
@with_settings
def tune(
    data: Any,
    *,
    out: Annotated[str | Path, Spelled("DIR")],
    trials: Count,
    space: Annotated[Sequence[str], Spelled("a.b=1..5")] = (),
    inner_folds: FoldCount = 3,
    progress: bool = True,
    **options: Unpack[TrainOptions],
) -> Tuning:
    """Search settings with Optuna; the same call goes on where one was killed.

    A trial is assessed by its validation error: with ``fold``, the mean over the inner folds of
    what is not in the test; without, that of the validation part. The test part is read when the
    best settings have been found, and a model trained with them. The first trial is of the
    settings as they are given, where they lie in what is searched. Trials are drawn in fours,
    which run side by side in as many processes as ``training.jobs`` says.

    Args:
        data: As `train` takes it.
        out: Folder of the trials, and of ``best/``, the run with the best settings.
        trials: Number of trials, over all calls.
        space: A setting to search, with a range (1e-4..1e-2:log) or values (a,b). A setting alone
            has the range declared for it; see `parse_space`. By default the learning rate, weight
            decay, batch size, width and depth are searched.
        inner_folds: Number of inner folds for validation, where a test fold is given.
        progress: Show progress bars on standard error.
        **options: Settings; the seed is that of the search, too.

    Raises:
        ConfigError: On a setting or range that cannot be, before anything is trained.
        InputError: If the data cannot be used.
        MissingExtraError: If Optuna is not installed.
        RunError: If the folder holds another search, or one that has ended; or if all trials fail.
    """
    optuna = import_extra("optuna")
    request = Request.of(data, options)
    base = request.config()
    if base.finetuning.parent is not None:
        raise ConfigError("finetuning.parent is for `xtalgraph finetune`: tune from fresh weights")
    searched = parse_space(space) or default_space(base)
    for key, there in searched.items():
        for value in there.ends:
            request.config({key: value})  # raises on an unknown setting, or a value that cannot be
    check_ahead(request.data, request.known, base)
    with sole_writer(Path(out)):
        preparations = Preparations(request)
        dataset = preparations.dataset(base, progress=progress)
        check_rejected(dataset.table.rejected, base.data.on_error)
        search = _Search(optuna, Path(out), preparations, base, searched, inner_folds, progress)
        search.go_on(trials)
        records = search.records()
        done = [record for record in records if record["validation error"] is not None]
        if not done:
            raise RunError(f"all {trials} trials failed; the first: {records[0]['reason']}")
        best = min(done, key=lambda record: record["validation error"])
        write_json(Path(out) / "tune.json", {"format": 1, "trials": records, "best": best})
        rows = [
            {"trial": record["number"], **record["settings"]}
            | {"validation error": record["validation error"], **record["errors"]}
            | {"reason": record["reason"]}
            for record in records
        ]
        write_atomically(Path(out) / "tune.csv", csv_text(rows))
        folder = Path(out) / "best"
        if Run.is_finished(folder):
            return Tuning(Path(out), tuple(records), best, Run.open(folder))
        config = request.config(best["settings"])
        run = train_run(preparations, config, folder, Session(progress=progress))
        return Tuning(Path(out), tuple(records), best, run)


class _Search:
    """A study of Optuna, in a journal in the folder."""

    def __init__(
        self,
        optuna: Any,
        folder: Path,
        preparations: Preparations,
        base: RunConfig,
        space: Space,
        inner_folds: int,
        progress: bool,
    ) -> None:
        self.optuna, self.folder, self.space, self.base = optuna, folder, space, base
        self.preparations, self.request = preparations, preparations.request
        self.dataset, self.progress = preparations.dataset(base), progress
        nested = base.data.fold is not None
        self.inner = [
            {"data.inner_folds": inner_folds, "data.inner_fold": k} for k in range(inner_folds)
        ]
        if not nested:
            self.inner = [{}]
        self.study = self._open(inner_folds if nested else 1)

    def _open(self, inner_folds: int) -> Any:
        """Open the study, or begin it; refuse one of something else."""
        optuna = self.optuna
        made_from = json.dumps(self.base.deciding(), ensure_ascii=False)
        made_from += f"{self.space}{inner_folds}{self.dataset.content_hash}"
        key = hashlib.sha256(made_from.encode()).hexdigest()
        journal = self.folder / "trials.journal"
        if not journal.is_file() and not is_empty(self.folder):
            raise RunError(f"{self.folder} is not empty and holds no search: choose another --out")
        optuna.logging.set_verbosity(optuna.logging.WARNING)
        backend = optuna.storages.journal.JournalFileBackend(str(journal))
        storage = optuna.storages.JournalStorage(backend)
        study = optuna.create_study(
            storage=storage, study_name="tune", direction="minimize", load_if_exists=True
        )
        if study.user_attrs.get("key", key) != key:
            raise RunError(
                f"{self.folder} holds a search with other data, settings or ranges: repeat the "
                "command it was begun with, or choose another --out"
            )
        if "key" not in study.user_attrs:
            study.set_user_attr("key", key)
            sections = self.request.config().sections()
            given = {name: sections[name.split(".")[0]][name.split(".")[1]] for name in self.space}
            if all(there.holds(given[name]) for name, there in self.space.items()):
                study.enqueue_trial(given)
        return study

    def go_on(self, trials: int) -> None:
        """Make trials until there are so many."""
        states, study = self.optuna.trial.TrialState, self.study
        for cut in study.get_trials(states=(states.RUNNING,)):  # of a sitting that was killed
            study.tell(cut.number, state=states.FAIL)
            study.enqueue_trial(cut.params)
        done = len(self.records())
        if done < trials and (self.folder / "best" / "config.yaml").is_file():
            raise RunError(
                f"{self.folder} has ended with {done} trials, and its best model has been tested: "
                "more trials would choose with the test known. Choose another --out"
            )
        while (done := len(self.records())) < trials:
            # of a new seed each time, so that a resumed search does not repeat its drawings
            seed = (self.base.training.seed + done) % 2**32
            study.sampler = self.optuna.samplers.TPESampler(seed=seed, constant_liar=True)
            count = min(_ROUND - done % _ROUND, trials - done)
            self._round([study.ask() for _ in range(count)], done + 1, trials)

    def _round(self, drawn: Sequence[Any], first: int, trials: int) -> None:
        """Make some trials, and tell the study of each when it and those before it have ended."""
        tasks: list[_Task] = []
        known: dict[Path, range] = {}  # trials with the same settings are one training
        places: list[range] = []
        for number, trial in enumerate(drawn, start=first):
            settings = {name: self._suggest(trial, name) for name in self.space}
            shown = ", ".join(f"{name}={value}" for name, value in settings.items())
            log.info("trial %d of %d: %s", number, trials, shown)
            own_tasks = self._tasks(settings)
            folder = own_tasks[0].folder.parent
            if folder not in known:
                known[folder] = range(len(tasks), len(tasks) + len(own_tasks))
                tasks += own_tasks
            places.append(known[folder])
        many = processes_for(len(tasks), self.base.training, len(self.dataset.table))
        executor = Executor(self.preparations, many, "trials", self.progress)
        errors: dict[int, Errors | str] = {}
        waiting = list(enumerate(drawn))
        for index_of_task, error in executor.run(_validate, tasks):
            errors[index_of_task] = error
            while waiting and all(n in errors for n in places[waiting[0][0]]):
                index, trial = waiting.pop(0)
                self._tell(trial, first + index, [errors[n] for n in places[index]])
                shutil.rmtree(tasks[places[index][0]].folder.parent, ignore_errors=True)

    def _tell(self, trial: Any, number: int, errors: Sequence[Errors | str]) -> None:
        states = self.optuna.trial.TrialState
        reasons = [error for error in errors if isinstance(error, str)]
        if reasons:
            log.warning("trial %d failed: %s", number, reasons[0])
            trial.set_user_attr("reason", reasons[0])
            self.study.tell(trial, state=states.FAIL)
            return
        known = [error for error in errors if not isinstance(error, str)]
        means = {name: sum(error[name] for error in known) / len(known) for name in known[0]}
        error = means.pop(_ERROR)
        trial.set_user_attr("errors", means)
        self.study.tell(trial, error)
        log.info("trial %d: validation error %.4g", number, error)

    def _suggest(self, trial: Any, name: str) -> Any:
        there = self.space[name]
        if isinstance(there, Choice):
            return trial.suggest_categorical(name, there.values)
        if there.whole:
            return trial.suggest_int(name, there.low, there.high, log=there.log)
        return trial.suggest_float(name, there.low, there.high, log=there.log)

    def _tasks(self, settings: Mapping[str, Any]) -> list["_Task"]:
        """Return a training for each inner fold; their states are kept until the trial ends."""
        name = hashlib.sha256(json.dumps(settings, sort_keys=True).encode()).hexdigest()[:12]
        folder = self.folder / "trials" / name
        return [
            _Task(self.request.config({**settings, **inner}), folder / f"inner-{number}")
            for number, inner in enumerate(self.inner)
        ]

    def records(self) -> list[dict[str, Any]]:
        """Return the trials that have ended, by themselves or with a reason."""
        states = self.optuna.trial.TrialState
        return [
            {
                "number": number,
                "settings": dict(trial.params),
                "validation error": trial.value,
                "errors": trial.user_attrs.get("errors", {}),
                "reason": trial.user_attrs.get("reason"),
            }
            for number, trial in enumerate(
                trial
                for trial in self.study.get_trials(deepcopy=False)
                if trial.state == states.COMPLETE or "reason" in trial.user_attrs
            )
        ]


@dataclass(frozen=True, eq=False)
class _Task:
    """The training of a trial for one inner fold."""

    config: RunConfig
    folder: Path


def _validate(preparations: Preparations, task: _Task, report: Report) -> Errors | str:
    """Return the validation errors, or the reason why there are none."""
    try:
        with deterministic(task.config.training.threads):
            return validation_errors(preparations, task.config, task.folder, Session(report=report))
    except Exception as failure:  # whatever one trial dies of, the others are still to be made
        return str(failure) if isinstance(failure, XtalgraphError) else repr(failure)


def validation_errors(
    preparations: Preparations, config: RunConfig, folder: Path, session: Session
) -> Errors:
    """Return the validation errors of the checkpoint that a training selects.

    Neither the crystals nor the labels of the test part are read.

    Args:
        preparations: What is learned from.
        config: The settings.
        folder: For the state, from which a killed training goes on.
        session: How the training is run.

    Returns:
        Under ``validation error`` the MAE in the unit of the target, the log loss of a class, of
        several targets their mean in units of their scales. Of several targets there follows the
        error of each, by its column in ``log.csv``: those of a potential in meV/atom, meV/Å, GPa.

    Raises:
        InputError: If a crystal has no graph of these settings, or there is no validation part.
    """
    prepared = preparations.for_validation(config)
    torch.manual_seed(config.training.seed)
    deciding = json.dumps(config.deciding(), ensure_ascii=False)
    made_from = preparations.dataset(config).content_hash + prepared.split.identity + deciding
    model = prepared.measured(config.spec).make_model()
    trainer = trainer_for(model, prepared, config.training, folder, made_from)
    done = trainer.fit(resume=session.resume, report=session.report)
    row = done.selected
    by_target = {name: row[name] for name in row if name.startswith("val_") and ":" in name}
    return {_ERROR: cast(float, done.selected_error), **by_target}  # there is a validation part
