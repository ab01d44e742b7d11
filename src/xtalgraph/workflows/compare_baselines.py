"""The baselines that every training is compared with, on the same split."""

import time
from collections.abc import Mapping, Sequence
from typing import Any, Final, Literal

import numpy as np
from jaxtyping import Float

from xtalgraph.baselines.atomic import ElementMeanBaseline, SiteMeanBaseline
from xtalgraph.baselines.baseline import Baseline, MeanBaseline, PrevalenceBaseline
from xtalgraph.baselines.composition import CompositionBaseline, CompositionClassifier
from xtalgraph.baselines.composition_features import count_elements
from xtalgraph.baselines.linear_potential import LinearPotential
from xtalgraph.data.dataset import Divided
from xtalgraph.data.targets import Kind, Target
from xtalgraph.data.values import Values
from xtalgraph.evidence.performance import ModelResult
from xtalgraph.graphs.graph import Scope
from xtalgraph.models.predictions import Predictions
from xtalgraph.nn.linear_potential.basis import Basis, NoBasis
from xtalgraph.nn.linear_potential.pair_basis import PairBasis


def fit_baselines(
    divided: Divided, target: Target, *, seed: int, only: str | None = None
) -> list[ModelResult]:
    """Fit composition-only and mean on the training part, and predict every crystal.

    Args:
        divided: Crystals, labels and parts; only the training part is learned from.
        target: What is predicted.
        seed: Of the baselines that draw.
        only: The name of one that is wanted; None for all.

    Returns:
        What each predicts, the strongest first.
    """
    labels, crystals = divided.dataset.labels, divided.dataset.table.crystals
    train = divided.of_target(target.name).train
    truth = labels.of(target.name, train)
    if target.scope is Scope.ATOM:
        baselines: Sequence[Any] = (ElementMeanBaseline(float(target.is_class)), SiteMeanBaseline())
        numbers = np.concatenate([crystal.numbers for crystal in crystals])
        read = numbers[labels.rows(target.name, train)], numbers
    else:
        baselines = _of_crystals(target, seed)
        counts = count_elements(crystals)
        read = counts[train], counts
    results = []
    for baseline in baselines:
        if only not in (None, baseline.name):
            continue
        began = time.monotonic()
        columns = _numbers_of(truth, target).T  # each number of a list for itself
        predictions = [baseline.fit(read[0], column).predict(read[1]) for column in columns]
        count = len(read[1])
        numbers = np.stack(predictions, axis=-1) if predictions else np.zeros((count, 0))
        predicted = _values_of(numbers, target)
        seconds = time.monotonic() - began
        values = Values((target,), {target.name: predicted}, labels.num_atoms)
        results.append(ModelResult(baseline.name, Predictions(values), seconds))
    return results


def _numbers_of(
    values: Float[np.ndarray, "rows *shape"], target: Target
) -> Float[np.ndarray, "rows numbers"]:
    """Return the numbers that a baseline learns: all, of a tensor those that no axes change."""
    if target.is_tensor:
        return target.tensor.to_components(values) @ target.tensor.isotropic.T
    return values.reshape(len(values), -1)


def _values_of(
    numbers: Float[np.ndarray, "rows numbers"], target: Target
) -> Float[np.ndarray, "rows *shape"]:
    """Return the values that have such numbers, isotropic tensors."""
    if target.is_tensor:
        return target.tensor.from_components(numbers @ target.tensor.isotropic)
    return numbers.reshape(-1, *target.tensor.shape)


MOST_COLUMNS: Final = 3_000
"""Coefficients of a linear potential; a fit to more takes too much memory."""


def fit_potentials(
    divided: Divided, weights: Mapping[str, float], bases: Sequence[Basis] | None = None
) -> dict[str, list[ModelResult]]:
    """Fit potentials that are linear in their coefficients, and predict every crystal.

    Args:
        divided: Frames, labels and parts; the training part is learned from.
        weights: Of the targets in the loss, by name; 1 of others.
        bases: Of what they are sums; by default pairs and the energies of the elements alone.

    Returns:
        What each predicts by target, the strongest first.
    """
    dataset, split = divided.dataset, divided.split
    if bases is None:
        elements = sorted(set().union(*(dataset.table.crystals[i].elements for i in split.train)))
        pairs = PairBasis(elements)
        bases = [*([pairs] if pairs.columns <= MOST_COLUMNS else []), NoBasis()]
    results: dict[str, list[ModelResult]] = {target.name: [] for target in dataset.targets}
    for basis in bases:
        began = time.monotonic()
        fitted = LinearPotential(basis, weights)
        values = fitted.fit_predict(dataset.table.crystals, dataset.labels, split)
        seconds = time.monotonic() - began
        for name, listed in results.items():
            only = Predictions(values.only(name))
            listed.append(ModelResult(basis.name, only, seconds))
    return results


def _of_crystals(target: Target, seed: int) -> tuple[Baseline, ...]:
    if target.is_class:
        return CompositionClassifier(seed), PrevalenceBaseline()
    kind = number_kind(target)
    return CompositionBaseline(kind, seed), MeanBaseline(kind)


def number_kind(target: Target) -> Literal["extensive", "intensive"]:
    """Return whether a number of a crystal is a total of the cell."""
    return "extensive" if target.kind is Kind.EXTENSIVE else "intensive"
