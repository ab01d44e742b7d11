"""What a parent was worth to a fine-tuned run: the test against scratch, leaks, and forgetting."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

import numpy as np
from jaxtyping import Bool, Int

from xtalgraph.conventions.errors import InputError, RunError
from xtalgraph.data.dataset import Dataset, Divided
from xtalgraph.data.leaks import written_key
from xtalgraph.data.reported_units import reported_units
from xtalgraph.data.targets import Target
from xtalgraph.data.values import Values
from xtalgraph.evidence.performance import figures_of
from xtalgraph.metrics.bootstrap import compare_paired
from xtalgraph.metrics.measures import error_of
from xtalgraph.models.novelty import (
    cumulative_compositions,
    nearest_compositions,
    nearest_embeddings,
)
from xtalgraph.models.predictor import Predictor
from xtalgraph.workflows.run import Run

FORMAT: Final = 1
"""Of ``transfer.json``."""
SAME: Final = 0.01
"""Distance of two embeddings of one composition, in units of the threshold of novelty, up to which
a parent is taken to know the crystal."""


def assess_transfer(
    parent: Predictor, tuned: Run, scratch: Run | None, divided: Divided, *, progress: bool
) -> dict[str, Any]:
    """Return the content of ``transfer.json``.

    Args:
        parent: What the training started from.
        tuned: What it came to.
        scratch: The same model from fresh weights; None where it was left out.
        divided: The crystals of both.
        progress: Show progress bars on standard error.

    Returns:
        ``start``, what was taken; ``known``, test crystals that the parent was trained on, with
        ``checked`` false where that cannot be told; ``targets``, for each the errors of both runs
        with intervals and the paired test of their difference, on all test crystals and on those
        that the parent has not seen; ``forgetting``, errors of the parent and of the run on the
        test part of the parent.
    """
    dataset = divided.dataset
    test = divided.split.test
    seen = known_crystals(parent, dataset, test)
    rows = np.zeros(0, dtype=np.int64) if seen is None else test[seen]
    document: dict[str, Any] = {
        "format": FORMAT,
        "start": tuned.record["Fine-tuning"],
        "known": {
            "checked": seen is not None,
            "rows": len(rows),
            "of": len(test),
            "ids": [dataset.table.ids[i] for i in rows.tolist()],
        },
        "targets": {},
        "forgetting": _forgetting(parent, tuned, divided, progress),
    }
    if scratch is not None:
        predictors = {"finetuned": tuned.predictor, "scratch": scratch.predictor}
        document["targets"] = compared(predictors, dataset.select(test))
        new = np.setdiff1d(test, rows)
        if 0 < len(new) < len(test):
            unseen = compared(predictors, dataset.select(new))
            for name, figures in unseen.items():
                document["targets"][name]["unseen"] = figures
    return document


def known_crystals(
    parent: Predictor, dataset: Dataset, rows: Int[np.ndarray, " rows"]
) -> Bool[np.ndarray, " rows"] | None:
    """Return which crystals a parent was trained on; None where the run does not keep that.

    A run keeps the embedding of each training crystal, which its cell and its axes do not change. A
    crystal is taken to be known if one of the same composition has nearly the same embedding.

    Args:
        parent: With its training set.
        dataset: The crystals.
        rows: Of those that are looked at.
    """
    known = parent.training_set
    crystals = [dataset.table.crystals[i] for i in rows.tolist()]
    if known is None or not crystals:
        return None
    read = parent.spec.conditions.for_features(dataset.conditions_of(rows), len(crystals))
    predicted = parent.predict_crystals(crystals, read)
    width = known.embedding.shape[1]
    if predicted.embedding.shape[1] < width:
        return None
    near = nearest_embeddings(predicted.embedding[:, :width], known.embedding, 1).distance[:, 0]
    served = [crystals[i] for i in predicted.places]
    apart = nearest_compositions(cumulative_compositions(served), known.compositions, 1)
    scale = known.embedding_threshold if known.embedding_threshold > 0 else 1.0
    seen = np.zeros(len(crystals), dtype=bool)
    seen[predicted.places] = (near <= SAME * scale) & (apart.distance[:, 0] <= 1e-6)
    return seen


def compared(predictors: Mapping[str, Predictor], dataset: Dataset) -> dict[str, dict[str, Any]]:
    """Return the errors of two predictors and the paired test of their difference, by target."""
    parts = {
        name: predictor.predict_crystals(dataset.table.crystals, dataset.condition_values)
        for name, predictor in predictors.items()
    }
    served = sorted(set.intersection(*(set(part.places.tolist()) for part in parts.values())))
    labels = dataset.labels.select(np.array(served, dtype=np.int64))
    values = {
        name: part.predictions.select(np.searchsorted(part.places, served)).values
        for name, part in parts.items()
    }
    return {
        target.name: _compared(target, labels, values)
        for target in dataset.targets
        if labels.known(target.name).any()
    }


def _compared(target: Target, labels: Values, values: Mapping[str, Values]) -> dict[str, Any]:
    known = np.flatnonzero(labels.known(target.name))
    arrays = [labels.of(target.name, known)]
    arrays += [predicted.of(target.name, known) for predicted in values.values()]
    units = reported_units(labels.targets).get(target.name)
    if units is not None:
        sizes = labels.num_atoms[known]
        target = units.target(target, units.error)
        arrays = [units.of_errors(array, sizes) for array in arrays]
    true, first, second = arrays
    measure = error_of(target)
    errors = {
        name: figures_of(target, true, predicted)[measure.key]
        for name, predicted in zip(values, (first, second), strict=True)
    }
    return {
        "measure": measure.key,
        "unit": target.unit if measure.has_unit else "",
        "crystals": len(known),
        **errors,
        "paired": compare_paired(measure, target, true, first, second),
    }


def _forgetting(parent: Predictor, tuned: Run, divided: Divided, progress: bool) -> dict[str, Any]:
    """Return what the run has forgotten: its errors on the test part of the parent."""
    start = tuned.record["Fine-tuning"]
    if not start["heads kept"] or parent.spec.targets != tuned.config.targets:
        return {"measured": False, "reason": "other targets"}
    if parent.spec.conditions != tuned.predictor.spec.conditions:
        return {"measured": False, "reason": "other columns"}
    try:
        before = Run.open(Path(start["parent"])).data(progress=progress)
    except (InputError, RunError):
        return {"measured": False, "reason": "no data of the parent"}
    learned = {written_key(divided.dataset.table.crystals[i]) for i in divided.split.train.tolist()}
    rows = [
        i for i in before.split.test.tolist()
        if written_key(before.dataset.table.crystals[i]) not in learned
    ]  # fmt: skip
    if not rows:
        return {"measured": False, "reason": "all were learned again"}
    pair = {"finetuned": tuned.predictor, "parent": parent}
    return {"measured": True, "targets": compared(pair, before.dataset.select(np.array(rows)))}
