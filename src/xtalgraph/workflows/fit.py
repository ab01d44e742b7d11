"""A model fitted to the training part of prepared data, and what it predicts for every crystal."""

import hashlib
from pathlib import Path

import numpy as np
import torch
from jaxtyping import Float, Int

from xtalgraph.crystals.composition import elements_of
from xtalgraph.data.stored_graphs import StoredGraphs
from xtalgraph.data.targets import Kind
from xtalgraph.data.values import Values
from xtalgraph.graphs.graph import Graph, Scope
from xtalgraph.models.predictions import Predictions
from xtalgraph.models.property_model import PropertyModel
from xtalgraph.training.examples import Examples
from xtalgraph.training.loop import Progress, Trainer, embeddings, predict
from xtalgraph.training.settings import TrainingConfig
from xtalgraph.workflows.prepared import Prepared
from xtalgraph.workflows.session import Session


def fit(
    model: PropertyModel,
    prepared: Prepared,
    training: TrainingConfig,
    folder: Path,
    made_from: str,
    session: Session,
) -> Progress:
    """Fit the scalers and the weights of a model to the training part.

    Args:
        model: With fresh weights; it is left with those of the selected checkpoint.
        prepared: Its validation part selects the checkpoint, its test part is not read.
        training: Hyper-parameters.
        folder: Of the states from which a killed fit goes on.
        made_from: Everything that decides the weights; a state of another is refused.
        session: How the training is run.

    Returns:
        The history.

    Raises:
        RunError: If the state was made from something else.
    """
    dataset, split = prepared.dataset, prepared.split
    train, val = (_examples(prepared, rows) for rows in (split.train, split.val))
    amounts = [elements_of(dataset.table.crystals[i]) for i in split.train]
    model.fit_scalers([_columns(dataset.labels, np.array([i])) for i in split.train], amounts)
    if dataset.states is not None:
        model.fit_states(dataset.states.select(split.train))
    key = hashlib.sha256(made_from.encode()).hexdigest()
    trainer = Trainer(model, train, val, training, folder, key)
    return trainer.fit(resume=session.resume, report=session.report)


def predict_all(model: PropertyModel, prepared: Prepared) -> Predictions:
    """Predict every crystal, where the model computes.

    Args:
        model: A fitted model.
        prepared: The crystals.
    """
    labels = prepared.dataset.labels
    found = predict(model, _examples(prepared, np.arange(len(labels))).to(_device(model)))

    def by_target(columns: torch.Tensor) -> Values:
        array = columns.cpu().numpy().reshape(len(columns), -1)
        arrays = {one.name: array[:, n] for n, one in enumerate(labels.targets)}
        return Values(labels.targets, arrays, labels.num_atoms)

    std = None if found.deviation is None else by_target(found.deviation)
    return Predictions(by_target(found.values), std)


def embed_all(
    model: PropertyModel, prepared: Prepared, crystals: Int[np.ndarray, " crystals"]
) -> Float[np.ndarray, "crystals width"]:
    """Return the vectors of some crystals from which the readout of a model starts.

    Args:
        model: A fitted model.
        prepared: The crystals.
        crystals: Which of them.
    """
    return embeddings(model, _examples(prepared, crystals).to(_device(model))).cpu().numpy()


def _device(model: PropertyModel) -> torch.device:
    return next(model.parameters()).device


def _examples(
    prepared: Prepared, crystals: Int[np.ndarray, " crystals"]
) -> Examples[Graph | StoredGraphs]:
    """Return some of the crystals as the training takes them."""
    labels = prepared.dataset.labels
    scope = Scope.ATOM if labels.targets[0].kind is Kind.ATOMIC else Scope.CRYSTAL
    values = torch.from_numpy(_columns(labels, crystals))
    return Examples(prepared.graphs.part(torch.from_numpy(crystals)), values, scope)


def _columns(
    labels: Values, crystals: Int[np.ndarray, " crystals"]
) -> Float[np.ndarray, "rows *columns"]:
    """Return the labels of some crystals, of several targets a column for each."""
    each = [labels.of(target.name, crystals) for target in labels.targets]
    return each[0] if len(each) == 1 else np.stack(each, axis=1)
