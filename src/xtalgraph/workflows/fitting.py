"""A property model fitted to the training part of a split, and what it says of every crystal."""

import hashlib
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from jaxtyping import Float, Int

from xtalgraph.crystals.composition import elements_of
from xtalgraph.data.splits import Split
from xtalgraph.data.stored_graphs import StoredGraphs
from xtalgraph.data.targets import Kind, Target
from xtalgraph.graphs.graph import Graph, Scope
from xtalgraph.models.property_model import PropertyModel
from xtalgraph.training.examples import Examples
from xtalgraph.training.loop import Progress, Trainer, predict
from xtalgraph.training.reporting import Report, silent
from xtalgraph.training.settings import TrainingConfig
from xtalgraph.workflows.dataset import Dataset, values_of
from xtalgraph.workflows.graph_source import Graphs


@dataclass(frozen=True, eq=False)
class Fitted:
    """What came out of a fit; the model itself has the best averaged weights."""

    values: list[Float[np.ndarray, "_ *columns"]]
    """Predictions of each crystal, in the order of the table."""
    progress: Progress
    """The history of the training."""
    deviations: list[Float[np.ndarray, "_ *columns"]] | None
    """The standard deviation of the error of each prediction, if the model has learned it."""


def fit_model(
    model: PropertyModel,
    dataset: Dataset,
    graphs: Graphs,
    split: Split,
    training: TrainingConfig,
    state: Path,
    made_from: str,
    *,
    resume: bool,
    report: Report = silent,
) -> Fitted:
    """Fit the scalers and the weights of a model, and predict every crystal.

    Args:
        model: With fresh weights.
        dataset: Crystals and their targets.
        graphs: Of the same crystals, as the model reads them.
        split: The parts; only ``train`` is learned from, ``val`` chooses the epoch.
        training: Hyper-parameters.
        state: Folder of the states from which a killed fit goes on.
        made_from: Everything that decides the weights; a state of another is refused.
        resume: Go on from the last state, if there is one.
        report: Told how far the training has come.

    Returns:
        Predictions and history.

    Raises:
        RunError: If the state was made from something else.
    """
    train, val = (
        examples_of(dataset, graphs, rows, model.target) for rows in (split.train, split.val)
    )
    numbers = [elements_of(dataset.table.crystals[i]) for i in split.train]
    model.fit_scalers([dataset.values[i] for i in split.train], numbers)
    if dataset.states is not None:
        model.fit_states(dataset.states.select(split.train))
    key = hashlib.sha256(made_from.encode()).hexdigest()
    trainer = Trainer(model, train, val, training, state, key)
    done = trainer.fit(resume=resume, report=report)
    everything = examples_of(dataset, graphs, np.arange(len(dataset.table)), model.target)
    said = predict(model, everything.to(trainer.fabric.device))
    ends = np.cumsum([len(one) for one in dataset.values])[:-1]
    deviations = said.deviation
    return Fitted(
        np.split(said.values.cpu().numpy(), ends),
        done,
        None if deviations is None else np.split(deviations.cpu().numpy(), ends),
    )


def examples_of(
    dataset: Dataset, graphs: Graphs, rows: Int[np.ndarray, " rows"], target: Target
) -> Examples[Graph | StoredGraphs]:
    """Return some of the crystals as the training takes them.

    Args:
        dataset: Crystals and their targets.
        graphs: Of the same crystals.
        rows: Which of them.
        target: What is predicted; it says whether there is a value for each crystal or each atom.
    """
    scope = Scope.ATOM if target.kind is Kind.ATOMIC else Scope.CRYSTAL
    values = torch.from_numpy(values_of(dataset, rows))
    return Examples(graphs.part(torch.from_numpy(rows)), values, scope)
