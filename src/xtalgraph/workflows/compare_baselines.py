"""The baselines that every training is compared with, on the same split."""

import time
from typing import Literal

import numpy as np

from xtalgraph.baselines.atomic import ElementMeanBaseline, SiteMeanBaseline
from xtalgraph.baselines.baseline import Baseline
from xtalgraph.baselines.composition import CompositionBaseline
from xtalgraph.baselines.composition_classifier import CompositionClassifier
from xtalgraph.baselines.composition_features import count_elements
from xtalgraph.baselines.mean import MeanBaseline
from xtalgraph.baselines.prevalence import PrevalenceBaseline
from xtalgraph.data.splits import Split
from xtalgraph.data.targets import Kind, Target
from xtalgraph.workflows.dataset import Dataset, values_of
from xtalgraph.workflows.outcome import Outcome


def fit_baselines(
    dataset: Dataset, split: Split, target: Target, *, seed: int, only: str | None = None
) -> list[Outcome]:
    """Fit composition-only and mean on the training part, and predict every crystal.

    Args:
        dataset: Crystals and their targets.
        split: The parts; only ``train`` is learned from.
        target: What is predicted.
        seed: Of the baselines that draw.
        only: The name of one that is wanted; None for all.

    Returns:
        What each says, the strongest entry first.
    """
    if target.kind is Kind.ATOMIC:
        return _on_sites(dataset, split, target, only)
    counts = count_elements(dataset.table.crystals)
    truth = values_of(dataset, split.train)
    found = []
    for baseline in _of_crystals(target, seed):
        if only not in (None, baseline.name):
            continue
        began = time.monotonic()
        said = baseline.fit(counts[split.train], truth).predict(counts)
        seconds = time.monotonic() - began
        found.append(Outcome(baseline.name, baseline.description, list(said[:, None]), seconds))
    return found


def _of_crystals(target: Target, seed: int) -> tuple[Baseline, ...]:
    if target.is_class:
        return CompositionClassifier(seed), PrevalenceBaseline()
    kind: Literal["extensive", "intensive"]
    kind = "extensive" if target.kind is Kind.EXTENSIVE else "intensive"
    return CompositionBaseline(kind, seed), MeanBaseline(kind)


def _on_sites(dataset: Dataset, split: Split, target: Target, only: str | None) -> list[Outcome]:
    numbers = [crystal.numbers for crystal in dataset.table.crystals]
    seen = np.concatenate([numbers[i] for i in split.train])
    truth = values_of(dataset, split.train)
    ends = np.cumsum([len(one) for one in numbers])[:-1]
    found = []
    for baseline in (ElementMeanBaseline(float(target.is_class)), SiteMeanBaseline()):
        if only not in (None, baseline.name):
            continue
        began = time.monotonic()
        said = baseline.fit(seen, truth).predict(np.concatenate(numbers))
        seconds = time.monotonic() - began
        found.append(Outcome(baseline.name, baseline.description, np.split(said, ends), seconds))
    return found
