"""What is fitted before a network is trained, and what it gives alone."""

import time
from collections.abc import Mapping
from dataclasses import replace
from typing import Final

import torch
from torch import Tensor

from xtalgraph.conventions.logs import log
from xtalgraph.crystals.composition import elements_of
from xtalgraph.data.values import Values
from xtalgraph.evidence.performance import ModelResult
from xtalgraph.evidence.text.training import about_total_calculation
from xtalgraph.models.delta import Delta
from xtalgraph.models.model import Model
from xtalgraph.models.potential import Potential
from xtalgraph.models.predictions import Predictions
from xtalgraph.training.examples import ordered_graphs
from xtalgraph.training.settings import TrainingConfig
from xtalgraph.workflows.config import RunConfig
from xtalgraph.workflows.prepared import Prepared
from xtalgraph.workflows.starting_point import StartingPoint

NAME: Final = "fitted terms"
"""Of what they give alone, in tables."""
DELTA: Final = "other calculation"
"""Of what the column ``data.delta`` gives alone."""


def fitted_terms(
    prepared: Prepared, config: RunConfig, start: StartingPoint | None
) -> Mapping[str, Tensor]:
    """Return what terms of a potential are fitted to the training part, by their names.

    Args:
        prepared: What is learned from.
        config: The settings.
        start: Where the weights are from, if they are not fresh; what is fitted there stays.
    """
    model = config.spec.make_model() if config.spec.has_fitted_terms else None
    if not isinstance(model, Potential):
        return {}
    if start is not None:
        start.begin(model, 0)
    train = prepared.split.train
    crystals = [prepared.dataset.table.crystals[row] for row in train]
    model.fit_terms(prepared.dataset.labels.select(train), crystals)
    return model.fitted_terms


def learns_alone(config: RunConfig, start: StartingPoint | None, model: Model, number: int) -> bool:
    """Return whether a member learns without fitted terms or another calculation of the target.

    With a head that is kept it does as its parent did. Else it is of the other half: every second
    member, and the last of several.

    Args:
        config: The settings.
        start: Where the weights are from, if they are not fresh.
        model: The member, with these weights.
        number: Of the member, from 0.
    """
    training = config.training
    if start is not None and start.kept:
        return model.learns_alone
    if "half" not in (config.data.delta_members, training.members_with_terms):
        return False
    return number % 2 == 1 or 0 < number == training.members - 1


def beside_terms(training: TrainingConfig) -> TrainingConfig:
    """Return the settings of a member with fitted terms, where others learn without them."""
    if training.members_with_terms == "all":
        return training
    return replace(training, learning_rate=training.learning_rate / 10)


def terms_alone(
    model: Model, prepared: Prepared, config: RunConfig
) -> Mapping[str, list[ModelResult]]:
    """Return what is predicted without the network, by target.

    That are fitted terms, or another calculation of the target, and the numbers of the elements.

    Args:
        model: Trained.
        prepared: All crystals.
        config: The settings.

    Returns:
        A list of one for each target; of nothing where there is neither.
    """
    targets, delta = config.targets, config.spec.conditions.delta
    if not config.spec.has_fitted_terms and not delta:
        return {target.name: [] for target in targets}
    began, labels = time.monotonic(), prepared.dataset.labels
    source = prepared.graphs.part(torch.arange(len(labels)))
    parts = [model.start(graph) for graph in ordered_graphs(source, model.atoms_at_once)]
    arrays = {
        target.name: torch.cat([part[target.name] for part in parts]).numpy() for target in targets
    }
    seconds = time.monotonic() - began
    results = {}
    for target in targets:
        values = Values((target,), {target.name: arrays[target.name]}, labels.num_atoms)
        results[target.name] = [ModelResult(DELTA if delta else NAME, Predictions(values), seconds)]
    return results


def warn_about_calculation(prepared: Prepared, config: RunConfig) -> None:
    """Warn where the column of another calculation is a total and should be per atom."""
    name, train = config.spec.conditions.delta, prepared.split.train
    conditions = prepared.dataset.conditions_of(train)
    if not name or conditions is None:
        return
    target, crystals = config.targets[0], prepared.dataset.table.crystals
    values = prepared.dataset.labels.select(train)[target.name]
    numbers = [elements_of(crystals[row]) for row in train]
    if Delta(target).is_total_instead(conditions.numbers[:, -1], values, numbers):
        log.warning("%s", about_total_calculation(name, target.name))
