"""The members of a pre-training: each learns without labels from weights of its own."""

import hashlib
import json
from dataclasses import dataclass, replace
from pathlib import Path
from typing import NamedTuple

import torch

from xtalgraph.data.splits import Split
from xtalgraph.data.table import CrystalTable
from xtalgraph.models.checkpoint import member_folder
from xtalgraph.models.model import Model
from xtalgraph.nn.determinism import deterministic
from xtalgraph.training.examples import Examples, labels_from
from xtalgraph.training.loop import Trainer
from xtalgraph.training.pretraining_settings import PretrainingConfig
from xtalgraph.training.self_supervised import SelfSupervised, targets_of
from xtalgraph.training.settings import TrainingConfig
from xtalgraph.training.state import Progress, Report
from xtalgraph.workflows.config import RunConfig
from xtalgraph.workflows.fit import member_seed
from xtalgraph.workflows.teacher import Material


@dataclass(frozen=True, eq=False)
class Shared:
    """What the training of every member needs."""

    folder: Path
    """The run."""
    config: RunConfig
    """The resolved settings."""
    table: CrystalTable
    """The crystals."""
    material: Material
    """What an epoch goes through."""
    split: Split
    """Of the crystals."""
    resume: bool
    """Whether saved states are taken up."""


class Member(NamedTuple):
    """What the training of one member leaves."""

    model: Model
    """Without a target, on the CPU."""
    progress: Progress
    """The history."""


def fit_member(shared: Shared, number: int, report: Report) -> Member:
    """Train a member.

    Args:
        shared: What every member needs.
        number: Of the member, from 0.
        report: Told how far the training has come.

    Raises:
        RunError: If a saved state was made from something else.
    """
    config = shared.config
    training = replace(config.training, seed=member_seed(config.training.seed, number))
    with deterministic(training.threads):
        torch.manual_seed(training.seed)
        model = config.spec.make_model()
        trainer = _trainer(shared, model, training, number)
        progress = trainer.fit(resume=shared.resume, report=report)
    return Member(model.cpu(), progress)


def _trainer(shared: Shared, model: Model, training: TrainingConfig, number: int) -> Trainer:
    """Return what trains the encoder of a model."""
    table, material, split = shared.table, shared.material, shared.split
    settings = PretrainingConfig(**shared.config.spec.pretraining)
    learner = SelfSupervised(model.encoder, settings)
    losses = material.losses(targets_of(settings))
    learned = material.rows(split.train)
    learner.fit_scales(losses.select(learned), [table.crystals[i] for i in split.train])
    if material.forces:
        learner.take_forces(material.scaled_forces(split.train)[0])
    train, val = (
        Examples(material.graphs.part(torch.from_numpy(rows)), labels_from(losses.select(rows)))
        for rows in (learned, material.rows(split.val))
    )
    deciding = json.dumps(shared.config.deciding(), ensure_ascii=False)
    made_from = table.content_hash() + split.identity + deciding
    key = hashlib.sha256((made_from + (f"member {number}" if number else "")).encode()).hexdigest()
    folder = member_folder(shared.folder, number) / "state"
    return Trainer(learner, train, val, training, folder, key)
