"""The members of a run: trained one after the other, and what they say of every crystal."""

import json
import logging
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import torch
from jaxtyping import Float

from xtalgraph.conventions.files import make_folder
from xtalgraph.data.splits import Split
from xtalgraph.metrics.calibration import identical_members
from xtalgraph.models.checkpoint import member_folder
from xtalgraph.models.novelty import Novelty, TrainingSet
from xtalgraph.models.property_model import PropertyModel
from xtalgraph.models.registry import ENCODERS
from xtalgraph.models.spread import spread_of
from xtalgraph.training.loop import Progress, latents
from xtalgraph.workflows import outcome as out
from xtalgraph.workflows.announcements import warn_about_edges, warn_about_reach
from xtalgraph.workflows.config import RunConfig
from xtalgraph.workflows.fitting import examples_of, fit_model
from xtalgraph.workflows.graph_source import Graphs, survey
from xtalgraph.workflows.labelled import Labelled

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


def fit_members(
    folder: Path,
    labelled: Labelled,
    graphs: Graphs,
    split: Split,
    config: RunConfig,
    data_hash: str,
    *,
    resume: bool,
    progress: bool,
) -> FittedMembers:
    """Train every member, and predict every crystal.

    Members differ in their initial weights and in the order of the crystals, in nothing else;
    snapshots in where they start, which is where the one before ended. Each has its own state, so
    that a killed run goes on within the member at which it stopped.

    Args:
        folder: The run.
        labelled: Crystals and targets.
        graphs: Of the crystals.
        split: The parts.
        config: The resolved settings.
        data_hash: SHA-256 of crystals and targets.
        resume: Go on from saved states.
        progress: Show progress bars on standard error.

    Source: B. Lakshminarayanan, A. Pritzel, C. Blundell, NeurIPS (2017), doi
    10.48550/arXiv.1612.01474; snapshots: G. Huang et al., ICLR (2017), doi
    10.48550/arXiv.1704.00109.
    """
    seen = survey(graphs.source)
    warn_about_edges(seen, labelled)
    made_from = data_hash + split.how + json.dumps(config.deciding(), ensure_ascii=False)
    count = config.training.members
    members: list[PropertyModel] = []
    done: list[Progress] = []
    said: list[np.ndarray] = []
    doubts: list[np.ndarray] = []
    vectors: dict[str, np.ndarray] = {}
    for number in range(count):
        if count > 1:
            log.info("member %d of %d", number + 1, count)
        seed = member_seed(config.training.seed, number)
        place = member_folder(folder, number)
        make_folder(place)
        torch.manual_seed(seed)
        model = config.spec.make_model()
        if number and config.training.snapshots:
            model.load_state_dict(members[-1].state_dict())
        if number == 0:
            warn_about_reach(model, graphs.source)
        fitted = fit_model(
            model,
            labelled,
            graphs,
            split,
            replace(config.training, seed=seed),
            place / "state",
            made_from + (f"member {number}" if number else ""),
            resume=resume,
            progress=progress,
        )
        done.append(fitted.progress)
        out.write_text(place / "log.csv", out.log_csv(fitted.progress.history))
        said.append(np.concatenate(fitted.values))
        if fitted.deviations is not None:
            doubts.append(np.concatenate(fitted.deviations))
        if number == 0:
            device = next(model.parameters()).device
            for name, rows in (("train", split.train), ("test", split.test)):
                part = examples_of(labelled, graphs, rows, model.target).to(device)
                vectors[name] = latents(model, part).cpu().numpy()
        members.append(model.cpu())
    seconds = sum(one.seconds for one in done)
    trained = {
        "epochs": done[0].epoch,
        "kept epoch": done[0].kept_epoch,
        "parameters": sum(p.numel() for p in members[0].parameters()),
        "mean edges per crystal": round(seen.mean_edges, 1),
        "mean edges per crystal, folded": round(seen.mean_folded_edges, 1),
        "crystals per second": round(
            len(split.train) * sum(one.epoch for one in done) / max(seconds, 1e-9)
        ),
    }
    sizes = [len(one) for one in labelled.values]
    deviations = np.stack(doubts) if doubts else None
    outcome = _outcome(config, np.stack(said), deviations, sizes, seconds + graphs.seconds)
    copies = identical_members(np.stack([one.reshape(-1) for one in said]))
    crystals = labelled.table.crystals
    training_set = TrainingSet.of(vectors["train"], [crystals[i] for i in split.train])
    compared = training_set.compare(vectors["test"], [crystals[i] for i in split.test])
    novelty = dict(zip(split.test.tolist(), compared, strict=True))
    return FittedMembers(tuple(members), outcome, tuple(copies), training_set, novelty, trained)


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
    spread = spread_of(said, deviations)
    beside = {} if spread is None else {"spread": np.split(spread, ends)}
    values = said[0] if count == 1 else said.mean(axis=0)
    return out.Outcome(name, description, np.split(values, ends), seconds, beside)
