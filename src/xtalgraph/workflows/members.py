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
from xtalgraph.data.splits import Split
from xtalgraph.metrics.calibration import identical_members
from xtalgraph.models.checkpoint import member_folder
from xtalgraph.models.ensemble import std_of
from xtalgraph.models.novelty import Novelty, TrainingSet
from xtalgraph.models.property_model import PropertyModel
from xtalgraph.models.registry import ENCODERS
from xtalgraph.nn.determinism import deterministic
from xtalgraph.training.loop import Progress, embeddings
from xtalgraph.training.reporting import Report, silent
from xtalgraph.training.state import snapshot
from xtalgraph.workflows import outcome as out
from xtalgraph.workflows.announcements import warn_about_edges, warn_about_reach
from xtalgraph.workflows.config import RunConfig
from xtalgraph.workflows.dataset import Dataset
from xtalgraph.workflows.executor import Executor, processes_for
from xtalgraph.workflows.fitting import examples_of, fit_model
from xtalgraph.workflows.graph_source import Graphs, survey

log = logging.getLogger("xtalgraph")


@dataclass(frozen=True, eq=False)
class FittedMembers:
    """What a training leaves in memory."""

    members: tuple[PropertyModel, ...]
    """The models, on the CPU; the first is the one that a run without others has."""
    outcome: out.Outcome
    """What they say of every crystal: the mean, and the spread where there is one."""
    copies: tuple[tuple[int, int], ...]
    """Pairs of members that say the same of every crystal."""
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
    dataset: Dataset
    """Crystals and targets."""
    graphs: Graphs
    """Of the crystals."""
    split: Split
    """The parts."""
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
    values: Float[np.ndarray, "rows *columns"]
    """Predictions of every crystal, one after the other."""
    deviations: Float[np.ndarray, "rows *columns"] | None
    """The standard deviation of the error of each, if the model has learned it."""
    embeddings: Mapping[str, Float[np.ndarray, "crystals width"]]
    """Of the parts ``train`` and ``test``, by the first member; empty of the others."""


def fit_members(
    folder: Path,
    dataset: Dataset,
    graphs: Graphs,
    split: Split,
    config: RunConfig,
    data_hash: str,
    *,
    resume: bool,
    progress: bool,
    report: Report = silent,
) -> FittedMembers:
    """Train every member, and predict every crystal.

    Members differ in their initial weights and in the order of the crystals, in nothing else;
    snapshots in where they start, which is where the one before ended. Each has its own state, so
    that a killed run goes on within the members at which it stopped. Members are trained side by
    side, in as many processes as ``training.jobs`` says, to the same bits; snapshots in turn.

    Args:
        folder: The run.
        dataset: Crystals and targets.
        graphs: Of the crystals.
        split: The parts.
        config: The resolved settings.
        data_hash: SHA-256 of crystals and targets.
        resume: Go on from saved states.
        progress: Show a progress bar on standard error.
        report: Told how far the training has come.

    Raises:
        RunError: If a process that trains a member dies.

    Source: B. Lakshminarayanan, A. Pritzel, C. Blundell, NeurIPS (2017), doi
    10.48550/arXiv.1612.01474; snapshots: G. Huang et al., ICLR (2017), doi
    10.48550/arXiv.1704.00109.
    """
    seen = survey(graphs.source)
    warn_about_edges(seen, dataset)
    warn_about_reach(config.spec.make_model(), graphs.source)
    made_from = data_hash + split.how + json.dumps(config.deciding(), ensure_ascii=False)
    shared = _Shared(folder, dataset, graphs, split, config, made_from, resume)
    found = _train_members(shared, progress, report)
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
    sizes = [len(one) for one in dataset.values]
    values = np.stack([one.values for one in found])
    learned = [one.deviations for one in found if one.deviations is not None]
    deviations = np.stack(learned) if learned else None
    outcome = _outcome(config, values, deviations, sizes, seconds + graphs.seconds)
    copies = identical_members(values.reshape(len(values), -1))
    crystals = dataset.table.crystals
    vectors = found[0].embeddings
    training_set = TrainingSet.of(vectors["train"], [crystals[i] for i in split.train])
    compared = training_set.compare(vectors["test"], [crystals[i] for i in split.test])
    novelty = dict(zip(split.test.tolist(), compared, strict=True))
    return FittedMembers(tuple(members), outcome, tuple(copies), training_set, novelty, trained)


def _train_members(shared: _Shared, progress: bool, report: Report) -> list[_Member]:
    """Train the members, side by side where they are independent, and return them in order."""
    training = shared.config.training
    count = training.members
    many = 1 if training.snapshots else processes_for(count, training, len(shared.split.train))
    executor = Executor(shared, many, "training", progress, report)
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
    config, dataset, split = shared.config, shared.dataset, shared.split
    seed = member_seed(config.training.seed, number)
    place = member_folder(shared.folder, number)
    make_folder(place)
    with deterministic(config.training.threads):
        torch.manual_seed(seed)
        model = config.spec.make_model()
        if start is not None:
            model.load_state_dict(start)
        fitted = fit_model(
            model,
            dataset,
            shared.graphs,
            split,
            replace(config.training, seed=seed),
            place / "state",
            shared.made_from + (f"member {number}" if number else ""),
            resume=shared.resume,
            report=report,
        )
        vectors = {}
        for name, rows in (("train", split.train), ("test", split.test)) if number == 0 else ():
            device = next(model.parameters()).device
            part = examples_of(dataset, shared.graphs, rows, model.target).to(device)
            vectors[name] = embeddings(model, part).cpu().numpy()
    deviations = None if fitted.deviations is None else np.concatenate(fitted.deviations)
    values = np.concatenate(fitted.values)
    return _Member(snapshot(model.cpu()), fitted.progress, values, deviations, vectors)


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


def _outcome(
    config: RunConfig,
    said: Float[np.ndarray, "members rows *columns"],
    deviations: Float[np.ndarray, "members rows *columns"] | None,
    sizes: Sequence[int],
    seconds: float,
) -> out.Outcome:
    ends = np.cumsum(sizes)[:-1]
    count = len(said)
    name = config.spec.encoder
    description = f"{ENCODERS[name].__name__}, a graph neural network"
    if deviations is not None:
        description += " with a mean-variance head"
    if count > 1:
        what = "snapshots of one training" if config.training.snapshots else "members"
        description = f"the mean of {count} {what}, each {description}"
    std = std_of(said, deviations)
    beside = {} if std is None else {"std": np.split(std, ends)}
    values = said[0] if count == 1 else said.mean(axis=0)
    return out.Outcome(name, description, np.split(values, ends), seconds, beside)
