"""Drawing: noise flows to crystals along the velocities of a network."""

from collections.abc import Sequence

import numpy as np
import torch
from jaxtyping import Float, Int

from xtalgraph.crystals.crystal import Crystal
from xtalgraph.models.generation.network import FlowNetwork
from xtalgraph.models.generation.state import CellsAndSites, cells_from

STEPS = 100
"""Of the way from noise to a crystal, where no other number is given."""


def noise(
    numbers: Sequence[Int[np.ndarray, " _"]], seeds: Sequence[Sequence[int]]
) -> CellsAndSites:
    """Return where crystals begin: sites anywhere in the cell, shapes drawn as Gaussian noise.

    Args:
        numbers: Atomic numbers of each crystal.
        seeds: Of each crystal; what is drawn depends on them alone.
    """
    sites, shapes = [], []
    for atoms, seed in zip(numbers, seeds, strict=True):
        draw = np.random.default_rng(list(seed))
        sites.append(draw.random((len(atoms), 3)))
        shapes.append(draw.normal(size=6))
    return CellsAndSites(
        torch.from_numpy(np.concatenate(numbers)),
        torch.tensor([len(atoms) for atoms in numbers]),
        torch.from_numpy(np.concatenate(sites)).float(),
        torch.from_numpy(np.stack(shapes)).float(),
    )


@torch.no_grad()
def flowed(
    network: FlowNetwork, start: CellsAndSites, steps: int = STEPS, anneal: float = 0.0
) -> CellsAndSites:
    """Return where crystals arrive, by equal steps along the velocities.

    Args:
        network: In evaluation mode.
        start: Where they begin, at time 0.
        steps: How many.
        anneal: Sites move 1 + ``anneal`` t times as fast at time t. So they come to rest at the
            nearest ends, with less variety.

    Source: B. K. Miller et al., ICML 2024 (arXiv 2406.04713), section 4, for the faster sites.
    """
    state = start
    for step in range(steps):
        time = step / steps
        now = state.shape.new_full((len(state.num_atoms),), time)
        velocities = network.velocities(state, now)
        pace = (1 + anneal * time) / steps
        state = CellsAndSites(
            state.number,
            state.num_atoms,
            (state.fractional + velocities.sites * pace) % 1,
            state.shape + velocities.shapes / steps,
        )
    return state


def crystals_of(network: FlowNetwork, state: CellsAndSites) -> list[Crystal | None]:
    """Return crystals that have arrived; None for one whose cell or sites are no finite numbers.

    Args:
        network: It knows the units of the shapes.
        state: Where they arrived.
    """
    shape = state.shape.double() * network.std.double() + network.mean.double()
    cells: Float[np.ndarray, "crystals 3 3"] = cells_from(shape, state.num_atoms).numpy(force=True)
    ends = np.cumsum(state.num_atoms.numpy(force=True))[:-1]
    sites = np.split(state.fractional.double().numpy(force=True), ends)
    numbers = np.split(state.number.numpy(force=True), ends)
    return [
        Crystal.from_fractional(cell, fractional, atoms)
        if np.isfinite(cell).all() and np.isfinite(fractional).all()
        else None
        for cell, fractional, atoms in zip(cells, sites, numbers, strict=True)
    ]
