"""The gated sum over neighbours as one operation, which saves memory in training."""

from collections.abc import Callable, Sequence
from typing import Any, Final, Literal, NamedTuple

import torch
from jaxtyping import Float, Int
from torch import Tensor
from torch.nn import functional

from xtalgraph.nn.segments import gather, segment_sum, sum_sorted

Inputs = Sequence[Any]
"""A, B, e, W, f, the two ends and the rows of the edges: tensors, but for the last, or None."""
CoreName = Literal["softplus", "silu"]
_CORES: Final[dict[CoreName, Callable[[Tensor], Tensor]]] = {
    "softplus": functional.softplus,
    "silu": functional.silu,
}


class GatedSum(NamedTuple):
    """What the atoms receive, and the update of the edges."""

    total: Float[Tensor, "atoms width"]
    """Σ_j f σ(g_ij) ⊙ φ(c_ij)."""
    change: Float[Tensor, "edges rest"]
    """φ(u_ij)."""


def gated_sum(
    of_center: Float[Tensor, "atoms parts"],
    of_neighbor: Float[Tensor, "atoms parts"],
    edge: Float[Tensor, "rows basis"],
    weight: Float[Tensor, "parts basis"],
    edge_weight: Float[Tensor, "edges 1"],
    center: Int[Tensor, " edges"],
    neighbor: Int[Tensor, " edges"],
    *,
    core: CoreName = "softplus",
    width: int | None = None,
    starts: Int[Tensor, " starts"] | None = None,
    row: Int[Tensor, " edges"] | None = None,
) -> GatedSum:
    """Σ_j f σ(g_ij) ⊙ φ(c_ij), and φ(u_ij), with g ⊕ c ⊕ u = A_i + B_j + W e_ij.

    The same as written out with torch's operations, and as often differentiable. For each edge
    these would keep five vectors until the derivative is taken and write eight; this keeps three
    and writes five. What is called atoms here may be edges, and what is called edges the triplets
    between them.

    Args:
        of_center: A, the gate's part before the core's.
        of_neighbor: B, the same.
        edge: e, features of each edge, or of edges that share them.
        weight: W.
        edge_weight: f, envelope times multiplicity.
        center: The atom that receives along each edge.
        neighbor: The atom that sends.
        core: φ, ln(1 + exp(c)) or c σ(c).
        width: Length of g and of c; half of all if left out, and then there is no u.
        starts: `Graph.edge_starts`, or those of the triplets, with which sums are quicker.
        row: Which features each edge has; None where each has its own.
    """
    # Under autocast the products of the atoms come in another dtype than the edges.
    edge, weight = edge.to(of_center.dtype), weight.to(of_center.dtype)
    width = of_center.shape[1] // 2 if width is None else width
    inputs = of_center, of_neighbor, edge, weight, edge_weight, center, neighbor, row
    if torch.is_grad_enabled() and any(value.requires_grad for value in inputs[:5]):
        total, change = _GatedSum.apply(*inputs, width, core, starts)
        return GatedSum(total, change)
    mixed, value = _gate_and_core(inputs, width, core)  # nothing is kept
    message = mixed[:, :width].mul_(value[:, :width]).mul_(edge_weight)
    return GatedSum(sum_sorted(message, center, of_center.shape[0], starts), value[:, width:])


def _gate_and_core(inputs: Inputs, width: int, core_name: CoreName) -> tuple[Tensor, Tensor]:
    """Return σ(g) ⊕ c ⊕ u, and φ(c) ⊕ φ(u)."""
    of_center, of_neighbor, edge, weight, _, center, neighbor, row = inputs
    mixed = of_center.index_select(0, center)
    mixed.add_(of_neighbor.index_select(0, neighbor))
    if row is None:
        mixed.addmm_(edge, weight.T)
    else:
        mixed.add_((edge @ weight.T).index_select(0, row))
    mixed[:, :width].sigmoid_()
    return mixed, _CORES[core_name](mixed[:, width:])


class _GatedSum(torch.autograd.Function):
    """The sum, and its derivative from σ(g), c, u and φ(c)."""

    @staticmethod
    def forward(
        ctx: Any,
        of_center: Tensor,
        of_neighbor: Tensor,
        edge: Tensor,
        weight: Tensor,
        edge_weight: Tensor,
        center: Tensor,
        neighbor: Tensor,
        row: Tensor | None,
        width: int,
        core_name: CoreName,
        starts: Tensor | None,
    ) -> tuple[Tensor, Tensor]:
        inputs = of_center, of_neighbor, edge, weight, edge_weight, center, neighbor, row
        mixed, value = _gate_and_core(inputs, width, core_name)
        ctx.save_for_backward(*inputs, mixed, value)
        ctx.width, ctx.core_name, ctx.starts = width, core_name, starts
        message = (mixed[:, :width] * value[:, :width]).mul_(edge_weight)
        total = sum_sorted(message, center, of_center.shape[0], starts)
        return total, value[:, width:]

    @staticmethod
    def backward(ctx: Any, *grads: Tensor) -> tuple[Tensor | None, ...]:
        *inputs, mixed, value = ctx.saved_tensors
        width = ctx.width
        if torch.is_grad_enabled():  # the derivative will itself be differentiated
            wanted = ctx.needs_input_grad[:5]
            gradients = _differentiable(inputs, width, ctx.core_name, grads, wanted)
            return *gradients, *[None] * 6
        of_center, _, edge, weight, edge_weight, center, neighbor, row = inputs
        gate, value = mixed[:, :width], value[:, :width]
        received = grads[0].index_select(0, center)
        of_edge_weight = None
        if ctx.needs_input_grad[4]:
            of_edge_weight = (received * gate).mul_(value).sum(dim=-1, keepdim=True)
        received.mul_(edge_weight)
        of_mixed = torch.empty_like(mixed)
        of_gate, rest, of_rest = of_mixed[:, :width], mixed[:, width:], of_mixed[:, width:]
        torch.ops.aten.sigmoid_backward.grad_input(received * value, gate, grad_input=of_gate)
        torch.mul(received, gate, out=of_rest[:, :width])
        of_rest[:, width:] = grads[1]
        if ctx.core_name == "silu":
            torch.ops.aten.silu_backward.grad_input(of_rest, rest, grad_input=of_rest)
        else:
            of_rest.mul_(torch.sigmoid(rest))
        of_rows = of_mixed if row is None else segment_sum(of_mixed, row, edge.shape[0])
        return (
            sum_sorted(of_mixed, center, of_center.shape[0], ctx.starts),
            segment_sum(of_mixed, neighbor, of_center.shape[0]),
            of_rows @ weight if ctx.needs_input_grad[2] else None,
            (edge.T @ of_rows).T,  # several times quicker than the product of the transposes
            of_edge_weight,
            *[None] * 6,
        )


def _differentiable(
    inputs: Inputs,
    width: int,
    core_name: CoreName,
    grads: tuple[Tensor, ...],
    wanted: tuple[bool, ...],
) -> tuple[Tensor | None, ...]:
    """Return the derivatives by torch's own operations, which can be differentiated again.

    They are taken with respect to aliases of the inputs, which nothing was made from: an input may
    itself have been made from another one, and its path must not be walked here a second time.
    """
    *given, center, neighbor, row = inputs
    aliases = [value.view_as(value) for value in given if value is not None]
    of_center, of_neighbor, edge, weight, edge_weight = aliases
    edge = edge if row is None else gather(edge, row)
    mixed = gather(of_center, center) + gather(of_neighbor, neighbor)
    mixed = torch.addmm(mixed, edge, weight.T)
    gate, core, change = mixed.split([width, width, mixed.shape[1] - 2 * width], dim=-1)
    change = _CORES[core_name](change)
    message = torch.sigmoid(gate) * _CORES[core_name](core) * edge_weight
    total = segment_sum(message, center, of_center.shape[0])
    chosen = [value for value, want in zip(aliases, wanted, strict=True) if want]
    gradients = iter(torch.autograd.grad((total, change), chosen, grads, create_graph=True))
    return tuple(next(gradients) if want else None for want in wanted)
