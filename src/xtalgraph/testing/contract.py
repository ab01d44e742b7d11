"""The contract of an invariant property model: what must not change its predictions.

It is what `xtalgraph verify` checks on a trained model, tried on crystals of each kind that has
broken somebody's code; and the gradients from which a model learns. Where the model predicts the
standard deviation of its error, that goes through all of it as a further target of the same kind.
"""

import copy
from collections.abc import Mapping

import numpy as np
import torch

from xtalgraph.crystals import transforms
from xtalgraph.crystals.crystal import Crystal
from xtalgraph.crystals.representations import repeated, representations
from xtalgraph.data.targets import Kind, Target
from xtalgraph.graphs.build import build_graph
from xtalgraph.graphs.graph import Graph
from xtalgraph.graphs.reduction import DEFAULT_TOLERANCE, merge_equivalent, merge_geometry
from xtalgraph.models.check_result import CheckResult, Reason, Worst
from xtalgraph.models.checks import EXACT, run_checks
from xtalgraph.models.invariance import Arrays, violations
from xtalgraph.models.model import Model
from xtalgraph.models.model_under_test import ModelUnderTest, outputs_of
from xtalgraph.models.spec import ModelSpec
from xtalgraph.testing.crystals import contract_crystals

_CROSSINGS = 2
"""How many of the crystals are taken through a cutoff."""


def check_contract(
    model: Model, spec: ModelSpec, crystals: Mapping[str, Crystal] | None = None
) -> list[CheckResult]:
    """Put a model through the whole contract, in float64 and in evaluation mode.

    Args:
        model: With any weights; it is put into float64.
        spec: What it is; it makes the graphs.
        crystals: On which it is tried, by name; None takes `contract_crystals`.
    """
    model = model.double().eval()
    tested = ModelUnderTest.of([model], spec)
    crystals = crystals or contract_crystals()
    results = [*run_checks(tested, crystals, crossings=_CROSSINGS, measured=False)]
    results += _gradients(model, spec, tested.targets)
    if tested.reducible:
        results += _learned_from_reduced(model, spec, tested.targets)
    return results


def _gradients(model: Model, spec: ModelSpec, targets: tuple[Target, ...]) -> list[CheckResult]:
    """Compare what parameters learn from a crystal, however it is represented."""
    crystal = contract_crystals()["triclinic"]
    start = _slopes(model, spec, crystal)
    results = []
    larger = repeated(crystal, np.array([2, 1, 3]))
    for represented in (*representations(crystal, np.random.default_rng(11)), larger):
        times = {
            target.name: 1 if target.kind is Kind.INTENSIVE else represented.copies
            for target in targets
        }
        expected = {name: slopes * times[name] for name, slopes in start.items()}
        wrong = violations(_slopes(model, spec, represented.crystal), expected)
        results.append(
            _result(f"gradients, {represented.what}", "triclinic", targets, wrong, expected)
        )
    return results


def _slopes(model: Model, spec: ModelSpec, crystal: Crystal) -> Arrays:
    """Return the gradient of each output by the parameters, added up over its rows.

    Of a derivative the squares are added up: forces add up to zero. Of a tensor the norms are.
    """
    learned = [weight for weight in model.parameters() if weight.requires_grad]
    slopes = {}
    derived = {target.name for target in spec.targets if target.derivative is not None}
    tensors = {target.name for target in spec.targets if target.is_tensor}
    for name, values in outputs_of(model, spec.make_graph(crystal)).items():
        if name in tensors:
            total = torch.linalg.vector_norm(values.flatten(1), dim=1).sum()
        else:
            total = (values.square() if name in derived else values).sum()
        gradients = torch.autograd.grad(
            total, learned, retain_graph=True, allow_unused=True, materialize_grads=True
        )
        slopes[name] = torch.cat([gradient.flatten() for gradient in gradients]).numpy()
    return slopes


def _learned_from_reduced(
    model: Model, spec: ModelSpec, targets: tuple[Target, ...]
) -> list[CheckResult]:
    """Compare a step of training on the reduced graphs with one on the full, merged ones."""
    crystals = contract_crystals()
    larger = [transforms.supercell(crystals[name], (2, 1, 1)) for name in ("cubic", "triclinic")]
    full = merge_geometry(
        build_graph([*crystals.values(), *larger], spec.make_strategy(), angles=spec.make_angles()),
        spec.reduction_tolerance or DEFAULT_TOLERANCE,
    )
    reduced, results = merge_equivalent(full), []
    for mode, training in (("evaluation", False), ("training", True)):
        learned, expected = (_learned(model, graph, training) for graph in (reduced, full))
        for what, values in expected.items():
            results.append(
                _result(
                    f"{what}, reduced as full",
                    mode,
                    targets[:1],
                    violations({targets[0].name: learned[what]}, {targets[0].name: values}),
                    {targets[0].name: values},
                )
            )
    return results


def _learned(model: Model, graph: Graph, training: bool) -> dict[str, np.ndarray]:
    """Return values, the gradients of the parameters, and what the buffers have become."""
    copied = copy.deepcopy(model).train(training)
    values = torch.stack(list(outputs_of(copied, graph).values()), dim=-1)
    weights = torch.linspace(-1.0, 1.0, values.numel(), dtype=values.dtype)
    (weights * values.flatten()).sum().backward()
    gradients = [p.grad.flatten() for p in copied.parameters() if p.grad is not None]
    buffers = [b.double().flatten() for b in copied.buffers()]
    parts = {"values": values.detach().flatten(), "gradients": torch.cat(gradients)}
    return {k: v.numpy() for k, v in (parts | {"buffers": torch.cat(buffers)}).items()}


def _result(
    check: str, crystal: str, targets: tuple[Target, ...], wrong: dict[str, float], expected: Arrays
) -> CheckResult:
    scale = {
        name: max(1.0, float(np.abs(values).max(initial=0.0))) for name, values in expected.items()
    }
    worst = Worst(check, targets, scale)
    worst.add(crystal, wrong)
    return worst.result(Reason.ROUNDING, EXACT)
