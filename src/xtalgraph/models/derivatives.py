"""Forces and stress: the derivatives of an energy by the positions and by the strain."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import torch
from jaxtyping import Float, Int
from torch import Tensor

from xtalgraph.graphs.crystal_graph import CrystalGraph

_SIGN: Final = {"position": -1.0, "strain": 1.0}


@dataclass(frozen=True, eq=False)
class Displaced:
    """A graph whose geometry depends on variables, all 0, by which an energy is differentiated."""

    graph: CrystalGraph
    """The same geometry as before, as a function of the variables."""
    variables: dict[str, Tensor]
    """By their names in `Derivative.by`: a displacement of each atom, in Å; a strain of each
    crystal."""


def displaced(graph: CrystalGraph, *by: str) -> Displaced:
    """Return a graph that can be differentiated by positions, by strain, or by both.

    An atom at r moves to (r + u)(1 + ε), and a lattice vector a to a(1 + ε), with the symmetric
    part of ε.

    Args:
        graph: Full, with positions and cells.
        *by: ``position``, ``strain``.
    """
    position, cell = graph.position.detach(), graph.cell.detach()
    variables: dict[str, Tensor] = {}
    if "position" in by:
        variables["position"] = torch.zeros_like(position, requires_grad=True)
        position = position + variables["position"]
    if "strain" in by:
        variables["strain"] = torch.zeros_like(cell, requires_grad=True)
        strain = (variables["strain"] + variables["strain"].mT) / 2
        cell = cell + cell @ strain
        of_atom = strain.index_select(0, graph.crystal_of_atom)
        position = position + torch.einsum("ai,aij->aj", position, of_atom)
    return Displaced(graph.moved(position, cell), variables)


def derivatives(
    energy: Float[Tensor, " crystals"], at: Displaced, *, differentiable: bool
) -> dict[str, Tensor]:
    """Return forces and stress, by the names of the variables.

    Args:
        energy: Of each crystal of the graph, in eV.
        at: The graph of which it was computed.
        differentiable: Whether the result is to be differentiated in turn, as in a training.

    Returns:
        ``position``: −∂E/∂u, shape (atoms, 3), eV/Å. ``strain``: ∂E/∂ε over the volume, shape
        (crystals, 3, 3), eV/Å³, positive in tension. Zero where the energy does not depend on the
        variables, as that of an isolated atom.
    """
    names, variables = list(at.variables), list(at.variables.values())
    if energy.requires_grad:
        gradients = torch.autograd.grad(
            energy.sum(), variables, create_graph=differentiable, materialize_grads=True
        )
    else:
        gradients = tuple(map(torch.zeros_like, variables))
    return _in_units(dict(zip(names, gradients, strict=True)), at)


def sensitivities(
    energy: Float[Tensor, " crystals"],
    at: Displaced,
    parameters: Sequence[Tensor],
    chosen: Int[Tensor, " columns"],
) -> dict[str, Tensor]:
    """Return what energy, forces and stress change with parameters in which they are linear.

    With a factor f_c = 1 before the energy of each crystal, D_k = ∂(Σ_c f_c E_c)/∂p_k is the sum of
    what p_k is multiplied with. One backward of each D_k gives its parts by crystal, ∂D_k/∂f_c, and
    its derivatives by positions and strain.

    Args:
        energy: Of each crystal of the graph, in eV.
        at: The graph of which it was computed.
        parameters: Of any shapes.
        chosen: Which of them, by their places where all stand in one row.

    Returns:
        ``energy``, shape (crystals, columns), and by the names of the variables, with a last axis
        for the columns, what `derivatives` returns.
    """
    factor = torch.ones_like(energy, requires_grad=True)
    total = (factor * energy).sum()
    slopes = torch.autograd.grad(total, list(parameters), create_graph=True)
    columns = torch.cat([slope.reshape(-1) for slope in slopes]).index_select(0, chosen)
    variables = [factor, *at.variables.values()]
    by_column = [
        torch.autograd.grad(column, variables, retain_graph=True, materialize_grads=True)
        for column in columns.unbind()
    ]
    by_crystal, *others = (torch.stack(parts, -1) for parts in zip(*by_column, strict=True))
    return {"energy": by_crystal, **_in_units(dict(zip(at.variables, others, strict=True)), at)}


def _in_units(gradients: dict[str, Tensor], at: Displaced) -> dict[str, Tensor]:
    """Return forces and stress from the derivatives of the energy by the variables."""
    results = {name: _SIGN[name] * gradient for name, gradient in gradients.items()}
    if "strain" in results:
        strain = results["strain"]
        volume = torch.linalg.det(at.graph.cell.detach()).abs()
        results["strain"] = strain / volume.reshape(-1, *[1] * (strain.ndim - 1))
    return results
