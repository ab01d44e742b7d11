"""The model of a run trained again on one half of each crystal: geometry, or composition."""

from dataclasses import replace
from typing import Final

import numpy as np
import pandas as pd
import torch

from xtalgraph.conventions.elements import SYMBOLS
from xtalgraph.conventions.errors import InputError
from xtalgraph.crystals.crystal import Crystal
from xtalgraph.data.dataset import Divided
from xtalgraph.evidence.diagnostics.evaluator import Evaluator, Halves
from xtalgraph.graphs.build import build_supported
from xtalgraph.metrics.tensors import invariant_of
from xtalgraph.models.predictor import Predictor
from xtalgraph.workflows.compare_baselines import fit_baselines
from xtalgraph.workflows.fit import trainer_for
from xtalgraph.workflows.graph_source import Graphs
from xtalgraph.workflows.prepared import Prepared
from xtalgraph.workflows.run import Run

EPOCHS: Final = 1 / 3
"""Share of the epochs of the run; the learning rate falls to zero over them, and most of what can
be learned is learned by then."""


def train_halves(run: Run, divided: Divided, tested: Evaluator) -> Halves:
    """Train the architecture with every atom of one element, and composition alone.

    The settings are those of the run, with a third of its epochs. The training goes on where a
    killed one stopped.

    Args:
        run: The run.
        divided: Its crystals, with one of its targets.
        tested: What is examined.

    Raises:
        InputError: If a crystal without its elements has no graph.
    """
    config, (target,) = run.config.training, divided.dataset.targets
    epochs = config.length(len(divided.split.train)).epochs
    training = replace(config, epochs=max(1, round(EPOCHS * epochs)))
    spec = replace(run.config.spec, targets=(target,))
    number = int(np.argmax(tested.seen))
    bare = [
        Crystal(crystal.cell, crystal.positions, np.full(len(crystal), number), crystal.pbc)
        for crystal in tested.crystals
    ]
    graph, unsupported = build_supported(bare, spec.make_graph_settings())
    if graph is None or unsupported:
        first = (
            f"{tested.ids[unsupported[0].index]}: {unsupported[0].reason}" if unsupported else ""
        )
        raise InputError(f"{len(unsupported)} crystals without elements have no graph. {first}")
    table = replace(divided.dataset.table, crystals=tuple(bare))
    without = Divided(replace(divided.dataset, table=table), divided.split)
    prepared = Prepared(without, Graphs(tested.with_conditions(graph, range(len(bare))), (), 0.0))
    spec = prepared.measured(spec)
    torch.manual_seed(training.seed)
    model = spec.make_model()
    made_from = f"{run.division['data_sha256']} {target.name} {training} {spec.as_dict()}"
    folder = run.folder / "diagnose" / "geometry-only"
    done = trainer_for(model, prepared, training, folder, made_from).fit(resume=True)
    predictor = Predictor([model.cpu().eval()], spec, [SYMBOLS[number]]).of_invariants()
    shown = [bare[row] for row in tested.test]
    geometry = replace(tested, predictor=predictor).predict(shown, tested.test)
    composition, *_ = fit_baselines(divided, target, seed=training.seed)
    predicted = composition.predictions.values.of(target.name, tested.test)
    if target.is_tensor:
        predicted = invariant_of(target.tensor, predicted)[1]
    if tested.per_atom:
        predicted = predicted / tested.sizes[tested.test]
    of_run = int(pd.read_csv(run.folder / "log.csv")["epoch"].max())
    return Halves(geometry, predicted, SYMBOLS[number], done.epoch, of_run)
