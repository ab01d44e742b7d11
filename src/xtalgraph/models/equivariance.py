"""Whether the features of an equivariant encoder turn with the crystal as their degrees say."""

from collections.abc import Iterator, Mapping, Sequence
from itertools import islice
from typing import Final

import numpy as np
import torch

from xtalgraph.crystals import transforms
from xtalgraph.crystals.crystal import Crystal
from xtalgraph.crystals.representations import Representation, random_rotation, representations
from xtalgraph.data.conditions import ConditionValues
from xtalgraph.data.targets import Kind, Target
from xtalgraph.models.check_result import CheckResult, Reason, Worst
from xtalgraph.models.encoder import Features
from xtalgraph.models.inference import check_device, evaluated, placed
from xtalgraph.models.invariance import Arrays, violations
from xtalgraph.models.model_under_test import ModelUnderTest
from xtalgraph.models.own_symmetry import tensors_symmetric
from xtalgraph.nn.equivariant.irreps import name_of, rotation_matrix

CHECK: Final = "tensor features turn"
"""The name of the check."""
DRAWS: Final = 4
"""Rotations in which each crystal is tried, every second one improper."""
_BATCH: Final = 8
"""Representations of a crystal that are computed together."""
_SMALLEST: Final = 1e-3
"""Share of the largest of all features to which a feature is compared at least: what the symmetry
of every crystal forbids is rounding alone."""


def equivariant(
    tested: ModelUnderTest,
    crystals: Mapping[str, Crystal],
    conditions: ConditionValues,
    tolerance: float,
) -> Iterator[CheckResult]:
    """Check that features turn, and that predicted tensors have the symmetry of their crystal.

    Args:
        tested: The model.
        crystals: At least one, by name.
        conditions: Of each, in their order.
        tolerance: Largest relative difference that passes.

    Yields:
        The results of `features_turn` and `xtalgraph.models.own_symmetry.tensors_symmetric`.
    """
    yield from features_turn(tested, crystals, conditions, tolerance)
    yield from tensors_symmetric(tested, crystals, conditions, tolerance)


def features_turn(
    tested: ModelUnderTest,
    crystals: Mapping[str, Crystal],
    conditions: ConditionValues,
    tolerance: float,
    draws: int = DRAWS,
) -> Iterator[CheckResult]:
    """Compare the features of a turned crystal with the turned features, in float64.

    A feature of degree l and parity p becomes D x with the matrix D of the rotation; also the other
    representations of the crystal are tried. The vectors of the atoms are of degree 0. Differences
    are relative to the largest value of the feature, or to a thousandth of that of all features.

    Args:
        tested: The model.
        crystals: At least one, by name.
        conditions: Of each, in their order.
        tolerance: Largest relative difference that passes.
        draws: In how many rotations each crystal is tried.

    Yields:
        A result, for a model whose encoder declares `Encoder.tensors`.
    """
    encoders = [encoder for encoder in tested.encoders if encoder.tensors]
    if not encoders:
        return
    irreps = {"atom": (0, 1)} | {name_of(irrep): irrep for irrep in encoders[0].tensors}
    device, settings = check_device(tested.device), tested.graph_settings
    encoders = [placed(encoder, device, torch.float64) for encoder in encoders]

    def features(shown: Sequence[Crystal], row: int) -> list[Arrays]:
        """Return the features of several crystals, all with the condition of one."""
        held = conditions.select(np.full(len(shown), row))
        graph = held.attach(settings.build(shown)).to(device)
        parts = [_arrays(evaluated(encoder, graph), encoder.tensors) for encoder in encoders]
        whole = {name: np.concatenate([part[name] for part in parts], -1) for name in irreps}
        ends = np.cumsum([len(crystal) for crystal in shown])[:-1]
        split = {name: np.split(values, ends) for name, values in whole.items()}
        return [{name: split[name][n] for name in irreps} for n in range(len(shown))]

    start = {name: features([crystal], n)[0] for n, (name, crystal) in enumerate(crystals.items())}
    targets = [Target(name, Kind.ATOMIC) for name in irreps]
    every = {
        name: np.concatenate([values[name].ravel() for values in start.values()]) for name in irreps
    }
    largest = {
        name: float(np.nanmax(np.abs(values), initial=0.0)) for name, values in every.items()
    }
    smallest = _SMALLEST * max(largest.values())
    worst = Worst(
        CHECK, targets, {name: max(size, smallest) or 1.0 for name, size in largest.items()}
    )
    for row, (name, crystal) in enumerate(crystals.items()):
        todo = _shown(crystal, draws, np.random.default_rng(row))
        while part := list(islice(todo, _BATCH)):
            together = features([shown.crystal for shown in part], row)
            for shown, values in zip(part, together, strict=True):
                rotation = torch.from_numpy(shown.rotation)
                expected = {
                    feature: rotation_matrix(irrep, rotation).numpy()
                    @ start[name][feature][shown.origin]
                    for feature, irrep in irreps.items()
                }
                worst.add(name, violations(values, expected))
    yield worst.result(Reason.ROUNDING, tolerance)


def _shown(
    crystal: Crystal, draws: int, generator: np.random.Generator
) -> Iterator[Representation]:
    yield from representations(crystal, generator)
    for draw in range(draws):
        rotation = random_rotation(generator) * (-1) ** draw
        turned = transforms.rotate(crystal, rotation)
        yield Representation("rotation", turned, np.arange(len(crystal)), rotation=rotation)


def _arrays(features: Features, declared: Mapping[tuple[int, int], int]) -> Arrays:
    """Return features by name; NaN for those that are not as they are declared."""
    arrays = {"atom": features.atom.double().cpu().numpy()[:, None]}
    for irrep, channels in declared.items():
        shape = (len(features.atom), 2 * irrep[0] + 1, channels)
        values = features.tensor.get(irrep)
        wrong = values is None or values.shape != shape or len(features.tensor) != len(declared)
        arrays[name_of(irrep)] = (
            np.full(shape, np.nan) if wrong or values is None else values.double().cpu().numpy()
        )
    return arrays
