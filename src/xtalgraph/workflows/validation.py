"""The validation error of some settings, without a look at the test part."""

import hashlib
import json
from pathlib import Path

import numpy as np
import torch

from xtalgraph.conventions.errors import InputError
from xtalgraph.crystals.composition import elements_of
from xtalgraph.data.splits import Split
from xtalgraph.data.stored_graphs import StoredGraphs
from xtalgraph.data.targets import Kind
from xtalgraph.graphs.graph import Graph, Scope
from xtalgraph.training.examples import Examples
from xtalgraph.training.loop import Trainer
from xtalgraph.training.reporting import Report, silent
from xtalgraph.workflows.config import RunConfig
from xtalgraph.workflows.dataset import Dataset, values_of
from xtalgraph.workflows.graph_source import make_graphs


def validation_error(
    dataset: Dataset, split: Split, config: RunConfig, folder: Path, *, report: Report = silent
) -> float:
    """Train on the training part, and return the error of the kept epoch on the validation part.

    Neither the crystals nor the labels of the test part are read.

    Args:
        dataset: Crystals and their targets.
        split: The parts.
        config: The settings.
        folder: For the state, from which a killed training goes on.
        report: Told how far the training has come.

    Returns:
        The MAE in the unit of the target, the log loss of a class, of several targets their mean in
        units of their spreads.

    Raises:
        InputError: If a crystal has no graph of these settings, or there is no validation part.
    """
    rows = np.concatenate([split.train, split.val])
    if len(split.val) == 0:
        raise InputError("there is no validation part to choose by: raise data.val_fraction")
    crystals = [dataset.table.crystals[i] for i in rows]
    graphs = make_graphs(crystals, config.spec.make_graph_settings(), config.data)
    if graphs.unsupported:
        first = graphs.unsupported[0]
        raise InputError(
            f"{len(graphs.unsupported)} crystals have no graph of these settings; the first is "
            f"{dataset.table.ids[rows[first.index]]}: {first.reason}. Settings are compared on "
            "the same crystals: search within those that serve all, or leave these out of the data"
        )
    states = dataset.states
    if states is not None:
        graphs = graphs.with_states(states.select(rows))
    scope = Scope.ATOM if config.spec.target.kind is Kind.ATOMIC else Scope.CRYSTAL

    def examples(places: np.ndarray) -> Examples[Graph | StoredGraphs]:
        values = torch.from_numpy(values_of(dataset, rows[places]))
        return Examples(graphs.part(torch.from_numpy(places)), values, scope)

    places = np.arange(len(rows))
    train, val = np.split(places, [len(split.train)])
    torch.manual_seed(config.training.seed)
    model = config.spec.make_model()
    numbers = [elements_of(dataset.table.crystals[i]) for i in split.train]
    model.fit_scalers([dataset.values[i] for i in split.train], numbers)
    if states is not None:
        model.fit_states(states.select(split.train))
    made_from = split.how + json.dumps(config.deciding(), ensure_ascii=False)
    key = hashlib.sha256((dataset.content_hash() + made_from).encode()).hexdigest()
    trainer = Trainer(model, examples(train), examples(val), config.training, folder, key)
    error = trainer.fit(resume=True, report=report).selected_error
    assert error is not None, "the validation part is not empty"
    return error
