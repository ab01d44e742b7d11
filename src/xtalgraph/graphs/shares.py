"""What is on the sites of crystals, disordered ones too, as fields of their graph."""

from collections.abc import Sequence
from typing import Final

import numpy as np
import torch
from jaxtyping import Float, Int, UInt64
from torch import Tensor

from xtalgraph.conventions.elements import MAX_ATOMIC_NUMBER
from xtalgraph.crystals.crystal import Crystal
from xtalgraph.graphs.graph import Graph

_GRID: Final = 1e-6
"""Occupancies that differ by less are the same."""


def shares_of(crystals: Sequence[Crystal]) -> dict[str, Tensor]:
    """Return the fields of the scope share; none where no site is disordered."""
    if all(crystal.occupancies is None for crystal in crystals):
        return {}
    starts = np.cumsum([0, *(len(crystal) for crystal in crystals)])
    held = [
        (start, crystal.occupancies)
        for start, crystal in zip(starts, crystals, strict=False)
        if crystal.occupancies is not None
    ]
    counts = [0 if item.occupancies is None else len(item.occupancies.site) for item in crystals]
    return {
        "num_shares": torch.tensor(counts),
        "share_atom": torch.from_numpy(
            np.concatenate([start + occupancies.site for start, occupancies in held])
        ),
        "share_species": torch.from_numpy(
            np.concatenate([occupancies.species for _, occupancies in held])
        ),
        "share": torch.from_numpy(np.concatenate([occupancies.share for _, occupancies in held])),
    }


def charges_of(crystal: Crystal) -> Float[np.ndarray, " atoms"]:
    """Return the given charge of each atom, e; infinite where none is given."""
    return np.full(len(crystal), np.inf) if crystal.charges is None else crystal.charges


def mix(values: UInt64[np.ndarray, " rows"]) -> UInt64[np.ndarray, " rows"]:
    """Scramble 64-bit integers, one to one.

    Source: Steele, Lea and Flood, OOPSLA 2014, doi 10.1145/2660193.2660195 (SplitMix64).
    """
    mixed = values + np.uint64(0x9E3779B97F4A7C15)
    mixed = (mixed ^ (mixed >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    mixed = (mixed ^ (mixed >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return mixed ^ (mixed >> np.uint64(31))


def site_colours(graph: Graph) -> UInt64[np.ndarray, " atoms"]:
    """Return what is on each site as a number: the element, or a hash of the mixture.

    Sites of the same mixture have the same number, in whatever crystal and in whatever order the
    species were given.
    """
    colour = graph.number.numpy().astype(np.uint64)
    if not len(graph.share):
        return colour
    species = graph.share_species.numpy().astype(np.uint64)
    amount = np.rint(graph.share.double().numpy() / _GRID).astype(np.uint64)
    np.add.at(colour, graph.share_atom.numpy(), mix(mix(species) + amount))
    return colour


def site_kinds(graph: Graph) -> Int[np.ndarray, " atoms"]:
    """Return what is on each site as a small number: the element, or 119 and on for mixtures."""
    number = graph.number.numpy()
    if not len(graph.share):
        return number
    disordered = np.unique(graph.share_atom.numpy())
    kinds = number.copy()
    colours = site_colours(graph)[disordered]
    kinds[disordered] = MAX_ATOMIC_NUMBER + 1 + np.unique(colours, return_inverse=True)[1]
    return kinds


def rows_of_atoms(
    graph: Graph, atoms: Int[np.ndarray, " chosen"], counts: Int[np.ndarray, " crystals"]
) -> dict[str, Tensor]:
    """Return the fields of the scope share for some atoms of a graph, rows in rising order."""
    if not len(graph.share):
        return {"num_shares": graph.num_shares}
    row = np.full(len(graph.number), -1)
    row[atoms] = np.arange(len(atoms))
    moved = row[graph.share_atom.numpy()]
    kept = np.flatnonzero(moved >= 0)
    owner = np.repeat(np.arange(len(counts)), counts)[moved[kept]]
    rows = torch.from_numpy(kept)
    return {
        "num_shares": torch.from_numpy(np.bincount(owner, minlength=len(counts))),
        "share_atom": torch.from_numpy(moved[kept]),
        "share_species": graph.share_species[rows],
        "share": graph.share[rows],
    }
