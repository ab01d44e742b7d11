"""Pretrain: from crystals without labels to a run folder whose model has no target yet."""

import json
import shlex
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Annotated, Any, Final, Unpack

import numpy as np
import torch
from jaxtyping import Float, Int

from xtalgraph.baselines.composition_features import composition_features, count_elements
from xtalgraph.conventions.declarations import Spelled
from xtalgraph.conventions.documents import csv_text, write_json
from xtalgraph.conventions.elements import SYMBOLS
from xtalgraph.conventions.errors import ConfigError, InputError
from xtalgraph.conventions.files import write_atomically
from xtalgraph.conventions.logs import log
from xtalgraph.conventions.settings import nearest
from xtalgraph.conventions.stopping import stopping_on_signals
from xtalgraph.crystals.crystal import Crystal
from xtalgraph.data.catalogue import resolve_source
from xtalgraph.data.splits import Split, check_fractions
from xtalgraph.data.table import CrystalTable, read_table
from xtalgraph.evidence.pages.pretraining import write_pretraining_page
from xtalgraph.evidence.probe import probe as probed
from xtalgraph.models.checkpoint import check_finite, member_folder, save_model
from xtalgraph.models.manifest import write_manifest
from xtalgraph.models.model import Model
from xtalgraph.models.novelty import TrainingSet
from xtalgraph.models.predictor import TRAINING_FILE, Predictor
from xtalgraph.models.spec import ModelSpec
from xtalgraph.nn.determinism import deterministic
from xtalgraph.training.pretraining_settings import PretrainingConfig
from xtalgraph.workflows.claim import check_settings, claimed
from xtalgraph.workflows.config import RunConfig
from xtalgraph.workflows.executor import Executor, processes_for
from xtalgraph.workflows.graph_source import Graphs, make_graphs, warn_about_graphs
from xtalgraph.workflows.pretraining_fit import Member, Shared, fit_member
from xtalgraph.workflows.record import hardware, model_fields, repeat_command, versions
from xtalgraph.workflows.rejections import check_rejected
from xtalgraph.workflows.request import Request
from xtalgraph.workflows.run import Run
from xtalgraph.workflows.setting_names import PretrainOptions, with_settings
from xtalgraph.workflows.teacher import Material, taught, teacher_named

_FEWEST: Final = 10
"""Crystals with a number that a probe needs, two in each fold."""


@dataclass(frozen=True)
class PretrainedRun:
    """A finished pre-training."""

    folder: Path
    """Where it is; `embed` and `finetune` take it."""
    losses: Mapping[str, float]
    """On the validation part, by objective, in units of the loss of knowing nothing."""
    probe: Mapping[str, Mapping[str, Any]]
    """Of the frozen features, by what they are; empty where none was asked for."""


@with_settings
def pretrain(
    data: Any,
    *,
    out: Annotated[str | Path, Spelled("RUN")],
    probe: Annotated[str | None, Spelled("COL")] = None,
    resume: bool = False,
    progress: bool = True,
    **options: Unpack[PretrainOptions],
) -> PretrainedRun:
    """Train an encoder on crystals without labels, and write a run folder without a target.

    Graphs are not reduced by symmetry here, since atoms move; the model that is written reads
    reduced graphs where its architecture can. `embed` and `finetune` take the folder.

    Args:
        data: A file, folder, table, DataFrame or list of crystals, the name of a known data set, or
            a list of these.
        out: Run folder to write. It must not hold a run, unless it is resumed.
        probe: Column of numbers that a linear model is to predict from the frozen features. Its
            error stands beside those of features of the untrained encoder and of the composition.
        resume: Go on with a killed run; same bits. It must have the same settings; a finished one
            is left as it is, and where there is none it begins.
        progress: Show progress bars on standard error.
        **options: Settings.

    Raises:
        ConfigError: On settings that cannot be.
        InputError: If the data cannot be used; with ``on_error="raise"``, if any row cannot. If the
            teacher computes no crystal; a few that it cannot are left out.
        RunError: If the folder holds another run.
        Stopped: On SIGTERM or Ctrl-C; the state of the training is saved before.
    """
    folder = Path(out)
    config = _config(Request.of(data, options), data)
    if resume and Run.is_finished(folder):
        check_settings(folder, config)
        log.info("%s is finished: nothing is left to do", folder)
        return _opened(folder)
    training = config.training
    name = PretrainingConfig(**config.spec.pretraining).teacher
    teacher = None if name is None else teacher_named(name)
    with (
        claimed(folder, config, resume=resume),
        stopping_on_signals(),
        deterministic(training.threads),
    ):
        began = time.monotonic()
        table, graphs = _crystals(data, config, folder, progress)
        labels = None if probe is None else _labels(table, probe)
        split = _split(len(table), config)
        write_atomically(folder / "config.yaml", config.to_yaml())
        material = Material.of(graphs, len(table))
        if teacher is not None:
            build = partial(_graphs, config=config, progress=progress)
            material = taught(table, teacher, config, build, folder=folder, progress=progress)
        shared = Shared(folder, config, table, material, split, resume)
        many = processes_for(training.members, training, len(split.train))
        executor = Executor(shared, many, "pre-training", progress)
        fitted = dict(executor.run(fit_member, range(training.members)))
        members = [fitted[number] for number in range(training.members)]
        write_json(folder / "split.json", _parts(table, split))
        if labels is not None:
            known = _probe(members[0].model, config, table, labels)
            write_json(folder / "probe.json", {"column": probe, **known})
        _write(shared, members, began)
    return _opened(folder)


def _config(request: Request, data: Any) -> RunConfig:
    """Return the settings, of which some serve targets alone."""
    sections = {name: dict(section) for name, section in request.sections.items()}
    sources = data if isinstance(data, list | tuple) else [data]
    if all(isinstance(source, str | Path) for source in sources):
        sections["data"]["path"] = shlex.join(map(str, sources))
    sections["data"]["target"] = []
    config = RunConfig.from_sections({"pretraining": {}, **sections})
    serves_targets = {
        "training.loss": (config.training.loss, "l1"),
        "training.refit": (config.training.refit, False),
        "training.capture": (config.training.capture, False),
        "training.compile": (config.training.compile, False),
        "data.conditions": (config.data.conditions, None),
        "data.delta": (config.data.delta, None),
        "data.disorder": (config.data.disorder, "refuse"),
    }
    for name, (given, usual) in serves_targets.items():
        if given != usual:
            raise ConfigError(f"{name} is for models with a target: leave it out, got {given!r}")
    return config


def _crystals(
    data: Any, config: RunConfig, folder: Path, progress: bool
) -> tuple[CrystalTable, Graphs]:
    """Read the crystals, and build the graphs of all atoms."""
    sources = data if isinstance(data, list | tuple) else [data]
    resolved = [resolve_source(source)[0] for source in sources]
    table = read_table(resolved if len(resolved) > 1 else resolved[0], progress=progress)
    if not len(table):
        raise InputError(f"{config.data.path} holds no crystal that can be used")
    graphs = _graphs(table.crystals, config, progress)
    table = table.reject({refused.index: refused.reason for refused in graphs.unsupported})
    check_rejected(table.rejected, config.data.on_error, folder)
    warn_about_graphs(graphs, table.ids, config.spec)
    return table, graphs


def _graphs(crystals: tuple[Crystal, ...], config: RunConfig, progress: bool) -> Graphs:
    settings = replace(config.spec, reduction_tolerance=0.0).make_graph_settings()
    return make_graphs(crystals, settings, config.data, progress=progress)


def _labels(table: CrystalTable, column: str) -> Float[np.ndarray, " crystals"]:
    """Return the numbers of a column, NaN where there is none."""
    if column not in table.columns:
        names = [str(name) for name in table.columns.columns]
        raise InputError(f"there is no column {column!r}{nearest(column, names)}")
    values = [v if isinstance(v, int | float) else np.nan for v in table.columns[column]]
    labels = np.asarray(values, dtype=np.float64)
    known = int(np.isfinite(labels).sum())
    if known < _FEWEST:
        raise InputError(
            f"--probe {column} needs at least {_FEWEST} crystals with a number, got {known}"
        )
    return labels


def _split(crystals: int, config: RunConfig) -> Split:
    """Set a part aside on which the epochs are compared; there is no test part."""
    fraction, seed = config.data.val_fraction, config.training.seed
    check_fractions(fraction, 0.0)
    order = np.random.default_rng(seed).permutation(crystals)
    count = min(round(fraction * crystals), crystals - 1)
    drawn = {"kind": "random", "test": 0.0, "validation": fraction, "seed": seed}
    return Split(np.sort(order[count:]), np.sort(order[:count]), order[:0], drawn)


def _parts(table: CrystalTable, split: Split) -> dict[str, Any]:
    return {
        "drawn": dict(split.drawn),
        "data_sha256": table.content_hash(),
        **{name: [table.ids[i] for i in rows] for name, rows in split.parts().items()},
    }


def _embedded(
    model: Model, spec: ModelSpec, crystals: Sequence[Crystal]
) -> Float[np.ndarray, "crystals width"]:
    """Return the vectors of crystals that have a graph."""
    return Predictor([model.eval()], spec, ()).predict_crystals(crystals).embedding


def _probe(
    model: Model,
    config: RunConfig,
    table: CrystalTable,
    labels: Float[np.ndarray, " crystals"],
) -> dict[str, Any]:
    """Compare frozen features with those of the untrained encoder and of the composition."""
    rows: Int[np.ndarray, " known"] = np.flatnonzero(np.isfinite(labels))
    crystals = [table.crystals[i] for i in rows]
    torch.manual_seed(config.training.seed)
    untrained = config.spec.make_model()
    composition = composition_features(count_elements(crystals))
    filled = np.where(np.isnan(composition), np.nanmean(composition, axis=0), composition)
    features = {
        "pre-trained": _embedded(model, config.spec, crystals),
        "untrained": _embedded(untrained, config.spec, crystals),
        "composition": np.nan_to_num(filled),
    }
    errors = probed(features, labels[rows], config.training.seed)
    return {"crystals": len(rows), "std": float(labels[rows].std()), "features": errors}


def _write(shared: Shared, members: Sequence[Member], began: float) -> None:
    """Write everything that a pre-training leaves; the manifest last."""
    folder, config, table, split = shared.folder, shared.config, shared.table, shared.split
    learned = [table.crystals[i] for i in split.train]
    seen = sorted({z for crystal in learned for z in crystal.elements})
    known = {
        "elements": [SYMBOLS[z] for z in seen],
        "data_sha256": table.content_hash(),
        "versions": versions(),
        "manifest": True,
        "members": len(members),
    }
    for number, (model, progress) in enumerate(members):
        inside = member_folder(folder, number)
        check_finite(model, inside)
        save_model(inside, model, config.spec, known)
        write_atomically(inside / "log.csv", csv_text(progress.history))
    model, done = members[0]
    TrainingSet.of(_embedded(model, config.spec, learned), learned).save(folder / TRAINING_FILE)
    selected = done.history[done.selected_epoch - 1] if done.selected_epoch else {}
    names = PretrainingConfig(**config.spec.pretraining).names
    columns = {name: f"val_mae:{name}" if len(names) > 1 else "val_mae" for name in names}
    record = {
        "Repeat": {"command": repeat_command("pretrain", config.data.path, folder)},
        "Data": {
            "source": config.data.path,
            **{f"{name} crystals": len(rows) for name, rows in split.parts().items()},
            "rejected rows": len(table.rejected),
            "data sha256": table.content_hash(),
        },
        "Model": model_fields(config.spec),
        "Pre-training": {
            **config.spec.pretraining,
            "objectives": list(names),
            "epochs": done.epoch,
            "selected epoch": done.selected_epoch,
            "losses": {name: selected.get(column) for name, column in columns.items()},
            **shared.material.fields(split.train),
        },
        "Hardware": hardware(),
        "Versions": versions(),
        "Time": {
            "ended": time.strftime("%Y-%m-%d %H:%M:%S %z"),
            "training, s": round(sum(member.progress.seconds for member in members), 1),
            "everything, s": round(time.monotonic() - began, 1),
        },
    }
    write_json(folder / "record.json", record)
    write_pretraining_page(folder)
    write_manifest(folder)


def _opened(folder: Path) -> PretrainedRun:
    record = json.loads((folder / "record.json").read_text(encoding="utf-8"))
    path = folder / "probe.json"
    probe = json.loads(path.read_text(encoding="utf-8"))["features"] if path.is_file() else {}
    return PretrainedRun(folder, record["Pre-training"]["losses"], probe)
