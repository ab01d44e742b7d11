"""Perovskites with the predictions of a small model of which one knows what it reads."""

from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest
import torch

from xtalgraph.conventions.elements import SYMBOLS
from xtalgraph.data.ionic.load import ionic_perovskites
from xtalgraph.data.splits import random_split
from xtalgraph.data.table import read_table
from xtalgraph.data.targets import Kind, Target
from xtalgraph.evidence.diagnostics.evaluator import Evaluator
from xtalgraph.evidence.diagnostics.registry import DIAGNOSTICS
from xtalgraph.evidence.diagnostics.result import DiagnosticResult, Quantity
from xtalgraph.models.predictor import Predictor
from xtalgraph.models.spec import ModelSpec

COUNT = 110


@pytest.fixture(scope="session")
def says() -> Callable[[DiagnosticResult], str]:
    """What the page says of a result."""
    return lambda result: DIAGNOSTICS[result.name].says(result, Quantity("energy", "eV", "eV"))


@pytest.fixture(scope="session")
def perovskites():
    return read_table(ionic_perovskites(COUNT)).crystals


def make_spec(encoder="cgcnn", strategy="radius", cutoff=4.0, kind=Kind.INTENSIVE, **settings):
    return ModelSpec(
        encoder=encoder,
        settings={"width": 12, "depth": 2, **settings},
        readout="auto",
        strategy=strategy,
        strategy_settings={"cutoff": cutoff},
        targets=(Target("energy", kind, "eV"),),
        reduction_tolerance=0.0,
    )


@pytest.fixture(scope="session")
def untrained(perovskites) -> Callable[..., Evaluator]:
    """Members with drawn weights, and labels that are their own predictions, or those given.

    ``change`` is done to the last member.
    """

    def build(
        change=None, labels=None, crystals=None, noise=0.0, members=1, **settings
    ) -> Evaluator:
        spec = make_spec(**settings)
        models = []
        for seed in range(members):
            torch.manual_seed(seed)
            models.append(spec.make_model().eval())
        with torch.no_grad():
            for model in models:
                for name, weight in model.named_parameters():
                    if ".head." in name or "embed" in name:
                        weight.mul_(6.0)  # what is drawn is nearly blind to elements
            if change is not None:
                change(models[-1].encoder)
        chosen = perovskites if crystals is None else crystals
        split = random_split(len(chosen), val=0.1, test=0.3, seed=0)
        numbers = {z for row in split.train for z in chosen[row].numbers.tolist()}
        predictor = Predictor(models, spec, [SYMBOLS[z] for z in sorted(numbers)])
        ids = [f"c{n}" for n in range(len(chosen))]
        tested = Evaluator(predictor, spec.targets[0], ids, chosen, np.zeros(len(chosen)), split)
        if labels is None:
            own = tested.predict(chosen, range(len(chosen)))
            own = own * tested.sizes if tested.per_atom else own
            std = noise * own.std()
            labels = own + std * np.random.default_rng(0).normal(size=len(own))
        return replace(tested, labels=labels)

    return build
