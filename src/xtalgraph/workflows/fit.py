"""A model fitted to the training part of prepared data, and what it predicts for every crystal."""

import hashlib
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import torch
from jaxtyping import Float, Int

from xtalgraph.data.stored_graphs import StoredGraphs
from xtalgraph.data.values import Values
from xtalgraph.graphs.graph import Graph
from xtalgraph.models.inference import Inferred, concatenated, infer
from xtalgraph.models.model import ByTarget, Model, predicted
from xtalgraph.models.predictions import Predictions
from xtalgraph.training.examples import Examples, labels_from, ordered_graphs
from xtalgraph.training.loop import Trainer
from xtalgraph.training.settings import TrainingConfig
from xtalgraph.workflows.prepared import Prepared


def trainer_for(
    model: Model,
    prepared: Prepared,
    training: TrainingConfig,
    folder: Path,
    made_from: str,
) -> Trainer:
    """Fit the scales of a model to the training part, and return what fits its weights to it.

    Args:
        model: With fresh weights; `Trainer.fit` leaves those of the selected checkpoint in it.
        prepared: Its validation part selects the checkpoint, its test part is not read.
        training: Hyper-parameters.
        folder: Of the states from which a killed fit goes on.
        made_from: Everything that decides the weights; a state of another is refused.
    """
    dataset, split = prepared.dataset, prepared.split
    train, val = (_examples(prepared, rows) for rows in (split.train, split.val))
    crystals = [dataset.table.crystals[i] for i in split.train]
    states = None if dataset.states is None else dataset.states.select(split.train)
    model.fit_scales(dataset.labels.select(split.train), crystals, states)
    key = hashlib.sha256(made_from.encode()).hexdigest()
    return Trainer(model, train, val, training, folder, key)


def predict_all(model: Model, prepared: Prepared) -> Predictions:
    """Predict every crystal, where the model computes.

    Args:
        model: A fitted model.
        prepared: The crystals.
    """
    labels = prepared.dataset.labels
    batches = _inferred(model, prepared, np.arange(len(labels)))
    values, deviations = concatenated(batch.outputs[0] for batch in batches)

    def by_target(tensors: ByTarget) -> Values:
        arrays = {name: value.double().numpy(force=True) for name, value in tensors.items()}
        return Values(model.targets, arrays, labels.num_atoms)

    said = {target.name: predicted(target, values[target.name]) for target in model.targets}
    return Predictions(by_target(said), by_target(deviations) if deviations else None)


def embed_all(
    model: Model, prepared: Prepared, crystals: Int[np.ndarray, " crystals"]
) -> Float[np.ndarray, "crystals width"]:
    """Return the vectors of some crystals from which the readout of a model starts.

    Args:
        model: A fitted model.
        prepared: The crystals.
        crystals: Which of them.
    """
    name = model.targets[0].name
    vectors = [
        model.embedding(batch.outputs[0].features, batch.graph, name).numpy(force=True)
        for batch in _inferred(model, prepared, crystals)
    ]
    return np.concatenate(vectors)


def _inferred(
    model: Model, prepared: Prepared, crystals: Int[np.ndarray, " crystals"]
) -> Iterator[Inferred]:
    source = prepared.graphs.part(torch.from_numpy(crystals))
    return infer([model], ordered_graphs(source))


def _examples(
    prepared: Prepared, crystals: Int[np.ndarray, " crystals"]
) -> Examples[Graph | StoredGraphs]:
    """Return some of the crystals as the training takes them."""
    source = prepared.graphs.part(torch.from_numpy(crystals))
    return Examples(source, labels_from(prepared.dataset.labels.select(crystals)))
