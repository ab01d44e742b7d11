"""Models fitted to the training part: one, or the members of a run, and their predictions."""

import hashlib
import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np
import torch
from jaxtyping import Float, Int
from torch import Tensor

from xtalgraph.conventions.documents import csv_text
from xtalgraph.conventions.files import make_folder, write_atomically
from xtalgraph.conventions.logs import log
from xtalgraph.data.potential_labels import role_of_target
from xtalgraph.data.stored_graphs import StoredGraphs
from xtalgraph.data.values import Values
from xtalgraph.evidence.performance import ModelResult
from xtalgraph.graphs.graph import Graph
from xtalgraph.metrics.calibration import identical_members
from xtalgraph.models.checkpoint import member_folder
from xtalgraph.models.environments import Environments
from xtalgraph.models.inference import Inferred, concatenated, infer
from xtalgraph.models.model import ByTarget, Model, predicted
from xtalgraph.models.novelty import Novelty, TrainingSet
from xtalgraph.models.potential import Potential
from xtalgraph.models.predictions import Predictions, std_of
from xtalgraph.nn.determinism import deterministic
from xtalgraph.training.examples import Examples, labels_from, ordered_graphs
from xtalgraph.training.finetuning import Release, Replay
from xtalgraph.training.loop import Trainer
from xtalgraph.training.settings import TrainingConfig
from xtalgraph.training.state import Progress, Report, snapshot
from xtalgraph.workflows.config import RunConfig
from xtalgraph.workflows.executor import Executor, Session, processes_for
from xtalgraph.workflows.fitted_terms import beside_terms, fitted_terms, learns_alone
from xtalgraph.workflows.prepared import Prepared
from xtalgraph.workflows.starting_point import StartingPoint


def trainer_for(
    model: Model,
    prepared: Prepared,
    training: TrainingConfig,
    folder: Path,
    made_from: str,
    start: StartingPoint | None = None,
) -> Trainer:
    """Fit the scales of a model to the training part, and return what fits its weights to it.

    Args:
        model: With fresh weights; `Trainer.fit` leaves those of the selected checkpoint in it.
        prepared: Its validation part selects the checkpoint, its test part is not read.
        training: Hyper-parameters.
        folder: Of the states from which a killed fit goes on.
        made_from: Everything that decides the weights; a state of another is refused.
        start: Where the weights of the model are from, if they are not fresh.
    """
    dataset, split = prepared.dataset, prepared.split
    train, val = (_examples(prepared, rows) for rows in (split.train, split.val))
    key = hashlib.sha256(made_from.encode()).hexdigest()
    if start is None:
        crystals = [dataset.table.crystals[i] for i in split.train]
        conditions = dataset.conditions_of(split.train)
        model.fit_scales(dataset.labels.select(split.train), crystals, conditions)
        return Trainer(model, train, val, training, folder, key)
    start.fit_scales(model, prepared)
    release, replay = Release(model, start.config), None
    if start.replay is not None:
        old = _examples(start.replay, start.replay.split.train)
        replay = Replay(old, start.config.replay_weight)
    return Trainer(model, train, val, training, folder, key, release, replay)


def predict_all(model: Model, prepared: Prepared) -> Predictions:
    """Predict every crystal, where the model computes."""
    labels = prepared.dataset.labels
    batches = _inferred(model, prepared, np.arange(len(labels)))
    values, deviations = concatenated(batch.outputs[0] for batch in batches)

    def by_target(tensors: ByTarget) -> Values:
        arrays = {name: value.double().numpy(force=True) for name, value in tensors.items()}
        return Values(model.targets, arrays, labels.num_atoms)

    means = {target.name: predicted(target, values[target.name]) for target in model.targets}
    return Predictions(by_target(means), by_target(deviations) if deviations else None)


def _embed_all(
    model: Model, prepared: Prepared, crystals: Int[np.ndarray, " crystals"]
) -> Float[np.ndarray, "crystals width"]:
    """Return the vectors that stand for some crystals."""
    vectors = [
        model.embedding(batch.outputs[0].features, batch.graph).numpy(force=True)
        for batch in _inferred(model, prepared, crystals)
    ]
    return np.concatenate(vectors)


def _of_atoms(model: Model, prepared: Prepared) -> tuple[Environments | None, float | None]:
    """Return the surroundings of atoms that a potential has learned, and the largest force."""
    if not isinstance(model, Potential):
        return None, None
    parts = []
    for part in filter(len, (prepared.split.train, prepared.split.val)):
        features = [
            (batch.outputs[0].features.atom.numpy(force=True), batch.graph.number.numpy(force=True))
            for batch in _inferred(model, prepared, part)
        ]
        atoms, elements = zip(*features, strict=True)
        parts.append((np.concatenate(atoms), np.concatenate(elements)))
    (vectors, numbers), *further = parts
    environments = Environments.of(vectors, numbers, further)
    labels = prepared.dataset.labels.select(prepared.split.train)
    forces = [target.name for target in model.targets if role_of_target(target) == "forces"]
    lengths = [np.linalg.norm(labels[name], axis=1) for name in forces]
    return environments, max((float(np.nanmax(size)) for size in lengths), default=None)


def _inferred(
    model: Model, prepared: Prepared, crystals: Int[np.ndarray, " crystals"]
) -> Iterator[Inferred]:
    source = prepared.graphs.part(torch.from_numpy(crystals))
    return infer([model], ordered_graphs(source, model.atoms_at_once))


def _examples(
    prepared: Prepared, crystals: Int[np.ndarray, " crystals"]
) -> Examples[Graph | StoredGraphs]:
    """Return some of the crystals as the training takes them."""
    source = prepared.graphs.part(torch.from_numpy(crystals))
    return Examples(source, labels_from(prepared.dataset.labels.select(crystals)))


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
class Shared:
    """What the training of every member needs."""

    folder: Path
    prepared: Prepared
    """What is learned from."""
    config: RunConfig
    made_from: str
    """Everything that decides the weights of the first member."""
    resume: bool
    """Whether saved states are taken up."""
    start: StartingPoint | None = None
    """Where the weights are from, if they are not fresh."""
    terms: Mapping[str, Tensor] = field(default_factory=dict)
    """What terms of a potential are fitted to the training part, once for all members."""


@dataclass(frozen=True, eq=False)
class Task:
    """The training of one member."""

    number: int
    """From 0."""
    ended: "dict[int, Member]"
    """The snapshots that have ended; empty for members, which start from weights of their own."""


@dataclass(frozen=True, eq=False)
class Member:
    """What the training of one member leaves."""

    weights: Mapping[str, Tensor]
    """Of the selected checkpoint, on the CPU."""
    progress: Progress
    predictions: Predictions
    """Of every crystal."""
    embeddings: Mapping[str, Float[np.ndarray, "crystals width"]]
    """Of the parts ``train`` and ``test``, by the first member; empty of the others."""


def member_fits(
    folder: Path,
    prepared: Prepared,
    config: RunConfig,
    session: Session,
    start: StartingPoint | None = None,
) -> tuple[Executor[Shared], list[Task]]:
    """Return the fits of all members of a run, and what makes them, see `fit_member`.

    Members differ in their initial weights and in the order of the crystals, in nothing else;
    snapshots in where they start, which is where the one before ended. Each has its own state, so
    that a killed run goes on within the members at which it stopped. Members are trained side by
    side, in as many processes as ``training.jobs`` says, to the same bits; snapshots in turn.

    Source: B. Lakshminarayanan, A. Pritzel, C. Blundell, NeurIPS (2017), doi
    10.48550/arXiv.1612.01474; snapshots: G. Huang et al., ICLR (2017), doi
    10.48550/arXiv.1704.00109.
    """
    training, learned = config.training, len(prepared.split.train)
    deciding = json.dumps(config.deciding(), ensure_ascii=False)
    made_from = prepared.dataset.content_hash + prepared.split.identity + deciding
    if start is not None and start.replay is not None:
        made_from += start.replay.dataset.content_hash
    terms = fitted_terms(prepared, config, start)
    shared = Shared(folder, prepared, config, made_from, session.resume, start, terms)
    count = training.members
    many = 1 if training.snapshots else processes_for(count, training, learned)
    if count > 1 and many > 1:
        log.info("training %d members, %d at a time", count, many)
    ended: dict[int, Member] = {}
    tasks = [Task(number, ended if training.snapshots else {}) for number in range(count)]
    return Executor(shared, many, "training", session.progress, session.report), tasks


def fit_member(shared: Shared, task: Task, report: Report) -> Member:
    """Train a member from its own weights or a snapshot's; a `RunError` at a state of another."""
    config, prepared, number = shared.config, shared.prepared, task.number
    training = replace(config.training, seed=member_seed(config.training.seed, number))
    folder = member_folder(shared.folder, number)
    make_folder(folder)
    with deterministic(training.threads):
        torch.manual_seed(training.seed)
        model = config.spec.make_model()
        if shared.start is not None:
            shared.start.begin(model, number)
        if learns_alone(config, shared.start, model, number):
            model.learn_alone()
        elif isinstance(model, Potential):
            model.terms.load_state_dict(shared.terms, strict=False)
            training = beside_terms(training)
        if number - 1 in task.ended:
            model.load_state_dict(task.ended[number - 1].weights)
        made_from = shared.made_from + (f"member {number}" if number else "")
        state = folder / "state"
        trainer = trainer_for(model, prepared, training, state, made_from, shared.start)
        progress = trainer.fit(resume=shared.resume, report=report)
        predictions = predict_all(model, prepared)
        parts = ("train", "test") if number == 0 else ()
        vectors = {
            part: _embed_all(model, prepared, prepared.split.parts()[part]) for part in parts
        }
    member = Member(snapshot(model.cpu()), progress, predictions, vectors)
    task.ended[number] = member
    return member


def gathered(
    folder: Path, prepared: Prepared, config: RunConfig, members: Sequence[Member]
) -> FittedMembers:
    """Return what the members are and predict together, and write the log of each."""
    split, crystals = prepared.split, prepared.dataset.table.crystals
    models = []
    for number, member in enumerate(members):
        inside = member_folder(folder, number)
        write_atomically(inside / "log.csv", csv_text(member.progress.history))
        model = config.spec.make_model()
        model.load_state_dict(member.weights, assign=True)  # in the precision of the training
        models.append(model)
    done = [member.progress for member in members]
    seconds = sum(progress.seconds for progress in done)
    seen = prepared.graphs.survey
    trained = {
        "epochs": done[0].epoch,
        "selected epoch": done[0].selected_epoch,
        "parameters": sum(p.numel() for p in models[0].parameters()),
        "mean edges per crystal": round(seen.mean_edges, 1),
        "mean edges per crystal, reduced": round(seen.mean_reduced_edges, 1),
        "crystals per second": round(
            len(split.train) * sum(progress.epoch for progress in done) / max(seconds, 1e-9)
        ),
    }
    predictions = [member.predictions for member in members]
    values = [
        np.concatenate([*predicted.values.arrays.values()], axis=None) for predicted in predictions
    ]
    vectors = members[0].embeddings
    training_set = TrainingSet.of(
        vectors["train"], [crystals[i] for i in split.train], *_of_atoms(models[0], prepared)
    )
    compared = training_set.compare(vectors["test"], [crystals[i] for i in split.test])
    return FittedMembers(
        members=tuple(models),
        result=_result(config, predictions, seconds + prepared.graphs.seconds),
        copies=tuple(identical_members(np.stack(values))),
        training_set=training_set,
        novelty=dict(zip(split.test.tolist(), compared, strict=True)),
        trained=trained,
    )


def member_seed(seed: int, number: int) -> int:
    """Return the seed of a member: that of the run for the first, drawn from it for the others.

    So the first member is the model that a run without others has, to the bit, and the members of a
    run are not those of the run with the next seed.
    """
    drawn = np.random.SeedSequence([seed, number]).generate_state(1)
    return int(drawn[0]) if number else seed


def _result(config: RunConfig, predicted: Sequence[Predictions], seconds: float) -> ModelResult:
    """Return the mean of what the members predict, and how far off it may be."""
    count, name = len(predicted), config.spec.encoder
    made = {
        "members": count,
        "snapshots": config.training.snapshots,
        "variance": predicted[0].std is not None,
    }
    values = predicted[0].values
    means, stds = {}, {}
    for target in values.targets:
        members = np.stack([member.values.arrays[target.name] for member in predicted])
        learned = [member.std.arrays[target.name] for member in predicted if member.std is not None]
        std = std_of(members, np.stack(learned) if learned else None)
        means[target.name] = members[0] if count == 1 else members.mean(axis=0)
        if std is not None:
            stds[target.name] = std
    mean = Values(values.targets, means, values.num_atoms)
    std_values = Values(values.targets, stds, values.num_atoms) if stds else None
    return ModelResult(name, Predictions(mean, std_values), seconds, made)
