"""The members of a run: trained beside each other, and what they predict for every crystal."""

import json
import logging
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor

from xtalgraph.conventions.files import make_folder
from xtalgraph.data.values import Values
from xtalgraph.metrics.calibration import identical_members
from xtalgraph.models.checkpoint import member_folder
from xtalgraph.models.ensemble import std_of
from xtalgraph.models.model import Model
from xtalgraph.models.novelty import Novelty, TrainingSet
from xtalgraph.models.predictions import Predictions
from xtalgraph.models.registry import ENCODERS
from xtalgraph.nn.determinism import deterministic
from xtalgraph.training.progress import Progress
from xtalgraph.training.reporting import Report
from xtalgraph.training.state import snapshot
from xtalgraph.workflows import outcome as out
from xtalgraph.workflows.announcements import warn_about_edges, warn_about_reach
from xtalgraph.workflows.config import RunConfig
from xtalgraph.workflows.executor import Executor, processes_for
from xtalgraph.workflows.fit import embed_all, fit, predict_all
from xtalgraph.workflows.graph_source import survey
from xtalgraph.workflows.model_result import ModelResult
from xtalgraph.workflows.prepared import Prepared
from xtalgraph.workflows.session import Session

log = logging.getLogger("xtalgraph")


@dataclass(frozen=True, eq=False)
class FittedMembers:
    """What a training leaves in memory."""

    members: tuple[Model, ...]
    """The models, on the CPU; the first is the one that a run without others has."""
    result: ModelResult
    """What they predict for every crystal: the mean, and the standard deviation if there is one."""
    copies: tuple[tuple[int, int], ...]
    """Pairs of members that predict the same for every crystal."""
    training_set: TrainingSet
    """What new crystals are compared with."""
    novelty: dict[int, Novelty]
    """How new each test crystal is, by its place in the table."""
    trained: dict[str, Any]
    """For the record."""


@dataclass(frozen=True, eq=False)
class _Shared:
    """What the training of every member needs."""

    folder: Path
    """The run."""
    prepared: Prepared
    """What is learned from."""
    config: RunConfig
    """The resolved settings."""
    made_from: str
    """Everything that decides the weights of the first member."""
    resume: bool
    """Whether saved states are taken up."""


@dataclass(frozen=True, eq=False)
class _Member:
    """What the training of one member leaves."""

    weights: Mapping[str, Tensor]
    """Of the selected checkpoint, on the CPU."""
    progress: Progress
    """The history."""
    predictions: Predictions
    """Of every crystal."""
    embeddings: Mapping[str, Float[np.ndarray, "crystals width"]]
    """Of the parts ``train`` and ``test``, by the first member; empty of the others."""


def fit_members(
    folder: Path, prepared: Prepared, config: RunConfig, session: Session
) -> FittedMembers:
    """Train every member, and predict every crystal.

    Members differ in their initial weights and in the order of the crystals, in nothing else;
    snapshots in where they start, which is where the one before ended. Each has its own state, so
    that a killed run goes on within the members at which it stopped. Members are trained side by
    side, in as many processes as ``training.jobs`` says, to the same bits; snapshots in turn.

    Args:
        folder: The run.
        prepared: What is learned from.
        config: The resolved settings.
        session: How the training is run.

    Raises:
        RunError: If a process that trains a member dies.

    Source: B. Lakshminarayanan, A. Pritzel, C. Blundell, NeurIPS (2017), doi
    10.48550/arXiv.1612.01474; snapshots: G. Huang et al., ICLR (2017), doi
    10.48550/arXiv.1704.00109.
    """
    dataset, split = prepared.dataset, prepared.split
    seen = survey(prepared.graphs.source)
    warn_about_edges(seen, dataset)
    warn_about_reach(config.spec.make_model(), prepared.graphs.source)
    deciding = json.dumps(config.deciding(), ensure_ascii=False)
    made_from = dataset.content_hash + split.how + deciding
    shared = _Shared(folder, prepared, config, made_from, session.resume)
    found = _train_members(shared, session)
    members = []
    for number, one in enumerate(found):
        place = member_folder(folder, number)
        out.write_text(place / "log.csv", out.log_csv(one.progress.history))
        model = config.spec.make_model()
        model.load_state_dict(one.weights, assign=True)  # in the precision of the training
        members.append(model)
    done = [one.progress for one in found]
    seconds = sum(one.seconds for one in done)
    trained = {
        "epochs": done[0].epoch,
        "selected epoch": done[0].selected_epoch,
        "parameters": sum(p.numel() for p in members[0].parameters()),
        "mean edges per crystal": round(seen.mean_edges, 1),
        "mean edges per crystal, folded": round(seen.mean_reduced_edges, 1),
        "crystals per second": round(
            len(split.train) * sum(one.epoch for one in done) / max(seconds, 1e-9)
        ),
    }
    each = [one.predictions for one in found]
    result = _result(config, each, seconds + prepared.graphs.seconds)
    values = [np.concatenate([*one.values.arrays.values()], axis=None) for one in each]
    crystals = dataset.table.crystals
    vectors = found[0].embeddings
    training_set = TrainingSet.of(vectors["train"], [crystals[i] for i in split.train])
    compared = training_set.compare(vectors["test"], [crystals[i] for i in split.test])
    novelty = dict(zip(split.test.tolist(), compared, strict=True))
    copies = tuple(identical_members(np.stack(values)))
    return FittedMembers(tuple(members), result, copies, training_set, novelty, trained)


def _train_members(shared: _Shared, session: Session) -> list[_Member]:
    """Train the members, side by side where they are independent, and return them in order."""
    training = shared.config.training
    count, learned = training.members, len(shared.prepared.split.train)
    many = 1 if training.snapshots else processes_for(count, training, learned)
    executor = Executor(shared, many, "training", session.progress, session.report)
    if count > 1 and executor.processes > 1:
        log.info("training %d members, %d at a time", count, executor.processes)
    found: dict[int, _Member] = {}
    if training.snapshots:
        tasks = [(number, found) for number in range(count)]
        for number, member in executor.run(_train_snapshot, tasks):
            found[number] = member
    else:
        found |= dict(executor.run(_train_member, range(count)))
    return [found[number] for number in range(count)]


def _train_snapshot(
    shared: _Shared, task: tuple[int, Mapping[int, _Member]], report: Report
) -> _Member:
    number, before = task
    return _train_member(shared, number, report, before[number - 1].weights if number else None)


def _train_member(
    shared: _Shared, number: int, report: Report, start: Mapping[str, Tensor] | None = None
) -> _Member:
    """Train a member from weights of its own, or from given ones."""
    config, prepared = shared.config, shared.prepared
    training = replace(config.training, seed=member_seed(config.training.seed, number))
    folder = member_folder(shared.folder, number)
    make_folder(folder)
    with deterministic(training.threads):
        torch.manual_seed(training.seed)
        model = config.spec.make_model()
        if start is not None:
            model.load_state_dict(start)
        made_from = shared.made_from + (f"member {number}" if number else "")
        session = Session(resume=shared.resume, report=report)
        progress = fit(model, prepared, training, folder / "state", made_from, session)
        predictions = predict_all(model, prepared)
        parts = ("train", "test") if number == 0 else ()
        vectors = {one: embed_all(model, prepared, prepared.split.parts()[one]) for one in parts}
    return _Member(snapshot(model.cpu()), progress, predictions, vectors)


def member_seed(seed: int, number: int) -> int:
    """Return the seed of a member: that of the run for the first, drawn from it for the others.

    So the first member is the model that a run without others has, to the bit, and the members of a
    run are not those of the run with the next seed.

    Args:
        seed: Of the run.
        number: Of the member, from 0.
    """
    drawn = np.random.SeedSequence([seed, number]).generate_state(1)
    return int(drawn[0]) if number else seed


def _result(config: RunConfig, each: Sequence[Predictions], seconds: float) -> ModelResult:
    """Return the mean of what the members predict, and how far off it may be."""
    count, name = len(each), config.spec.encoder
    description = f"{ENCODERS[name].__name__}, a graph neural network"
    if each[0].std is not None:
        description += " with a mean-variance head"
    if count > 1:
        what = "snapshots of one training" if config.training.snapshots else "members"
        description = f"the mean of {count} {what}, each {description}"
    values = each[0].values
    means, stds = {}, {}
    for target in values.targets:
        members = np.stack([one.values.arrays[target.name] for one in each])
        learned = [one.std.arrays[target.name] for one in each if one.std is not None]
        std = std_of(members, np.stack(learned) if learned else None)
        means[target.name] = members[0] if count == 1 else members.mean(axis=0)
        if std is not None:
            stds[target.name] = std
    mean = Values(values.targets, means, values.num_atoms)
    std_values = Values(values.targets, stds, values.num_atoms) if stds else None
    return ModelResult(name, description, Predictions(mean, std_values), seconds)
