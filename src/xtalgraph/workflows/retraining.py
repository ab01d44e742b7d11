"""The model of a run trained again on one half of each crystal: geometry, or composition."""

import hashlib
from dataclasses import replace
from typing import Final

import numpy as np
import torch

from xtalgraph.conventions.elements import SYMBOLS
from xtalgraph.conventions.errors import InputError
from xtalgraph.crystals.crystal import Crystal
from xtalgraph.data.refusals import build_supported
from xtalgraph.evidence.diagnostics.evaluator import Evaluator, Halves
from xtalgraph.graphs.graph import Scope
from xtalgraph.models.predictor import Predictor
from xtalgraph.training.examples import Examples
from xtalgraph.training.loop import Trainer
from xtalgraph.workflows.compare_baselines import fit_baselines
from xtalgraph.workflows.run import Run
from xtalgraph.workflows.view import TargetView

EPOCHS: Final = 1 / 3
"""Share of the epochs of the run; the learning rate falls to zero over them, and most of what can
be learned is learned by then."""


def train_halves(run: Run, view: TargetView, tested: Evaluator) -> Halves:
    """Train the architecture with every atom of one element, and composition alone.

    The settings are those of the run, with a third of its epochs. The training goes on where a
    killed one stopped.

    Args:
        run: The run.
        view: Its target.
        tested: What is examined.

    Raises:
        InputError: If a crystal without its elements has no graph.
    """
    config = run.config.training
    epochs = config.length(len(tested.split.train)).epochs
    training = replace(config, epochs=max(1, round(EPOCHS * epochs)))
    spec = replace(run.config.spec, target=view.target, beside=())
    number = int(np.argmax(tested.seen))
    bare = [
        Crystal(one.cell, one.positions, np.full(len(one), number), one.pbc)
        for one in tested.crystals
    ]
    graph, unsupported = build_supported(bare, spec.make_graph_settings())
    if graph is None or unsupported:
        first = (
            f"{tested.ids[unsupported[0].index]}: {unsupported[0].reason}" if unsupported else ""
        )
        raise InputError(f"{len(unsupported)} crystals without elements have no graph. {first}")
    graph = tested.with_states(graph, range(len(bare)))
    values = torch.from_numpy(tested.labels)

    def examples(rows: np.ndarray) -> Examples:
        place = torch.from_numpy(np.asarray(rows))
        return Examples(graph.select(place), values[place], Scope.CRYSTAL)

    torch.manual_seed(training.seed)
    model = spec.make_model()
    train = tested.split.train
    model.fit_scalers([tested.labels[[row]] for row in train], [bare[row].numbers for row in train])
    if tested.states is not None:
        model.fit_states(tested.states.select(train))
    made_from = f"{run.division['data_sha256']} {view.target.name} {training} {spec.as_dict()}"
    key = hashlib.sha256(made_from.encode()).hexdigest()
    folder = run.folder / "diagnose" / "geometry-only"
    trainer = Trainer(model, examples(train), examples(tested.split.val), training, folder, key)
    done = trainer.fit(resume=True)
    predictor = Predictor(model.cpu().eval(), spec, [SYMBOLS[number]])
    shown = [bare[row] for row in tested.test]
    geometry = replace(tested, predictor=predictor).predict(shown, tested.test)
    composition, *_ = fit_baselines(view.dataset, view.split, view.target, seed=training.seed)
    said = np.concatenate([composition.values[row] for row in tested.test])
    if tested.per_atom:
        said = said / tested.sizes[tested.test]
    return Halves(geometry, said, SYMBOLS[number], done.epoch, _epochs_done(run))


def _epochs_done(run: Run) -> int:
    return len((run.folder / "log.csv").read_text(encoding="utf-8").splitlines()) - 1
