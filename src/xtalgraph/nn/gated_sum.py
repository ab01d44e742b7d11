"""The gated sum over neighbours, in one step that keeps little and writes in place."""

from typing import Any

import torch
from jaxtyping import Float, Int
from torch import Tensor
from torch.nn import functional

from xtalgraph.nn.segments import gather, segment_sum


def gated_sum(
    of_center: Float[Tensor, "atoms twice"],
    of_neighbor: Float[Tensor, "atoms twice"],
    edge: Float[Tensor, "edges basis"],
    weight: Float[Tensor, "twice basis"],
    factor: Float[Tensor, "edges 1"],
    center: Int[Tensor, " edges"],
    neighbor: Int[Tensor, " edges"],
) -> Float[Tensor, "atoms width"]:
    """Σ_j f σ(g_ij) ⊙ ln(1 + exp(c_ij)), with g ⊕ c = A_i + B_j + W e_ij.

    The same as written out with torch's operations, and as often differentiable. For each edge
    these would keep five vectors until the derivative is taken and write eight; this keeps three
    and writes five.

    Args:
        of_center: A, the gate's half before the core's.
        of_neighbor: B, the same.
        edge: e, features of each edge.
        weight: W.
        factor: f, envelope times multiplicity.
        center: The atom that receives along each edge.
        neighbor: The atom that sends.
    """
    # Under autocast the products of the atoms come in another dtype than the edges.
    edge, weight = edge.to(of_center.dtype), weight.to(of_center.dtype)
    total: Tensor = _GatedSum.apply(of_center, of_neighbor, edge, weight, factor, center, neighbor)
    return total


class _GatedSum(torch.autograd.Function):
    """The sum, and its derivative from σ(g), c and ln(1 + exp(c))."""

    @staticmethod
    def forward(
        ctx: Any,
        of_center: Tensor,
        of_neighbor: Tensor,
        edge: Tensor,
        weight: Tensor,
        factor: Tensor,
        center: Tensor,
        neighbor: Tensor,
    ) -> Tensor:
        mixed = of_center.index_select(0, center)
        mixed.add_(of_neighbor.index_select(0, neighbor)).addmm_(edge, weight.T)
        gate, core = mixed.chunk(2, dim=-1)
        gate.sigmoid_()
        soft = functional.softplus(core)
        inputs = of_center, of_neighbor, edge, weight, factor, center, neighbor
        ctx.save_for_backward(*inputs, mixed, soft)
        return segment_sum((gate * soft).mul_(factor), center, len(of_center))

    @staticmethod
    def backward(ctx: Any, *grads: Tensor) -> tuple[Tensor | None, ...]:
        *inputs, mixed, soft = ctx.saved_tensors
        (grad,) = grads
        if torch.is_grad_enabled():  # the derivative will itself be differentiated
            return _differentiable(inputs, grad, ctx.needs_input_grad)
        of_center, _, edge, weight, factor, center, neighbor = inputs
        gate, core = mixed.chunk(2, dim=-1)
        heard = grad.index_select(0, center)
        of_factor = None
        if ctx.needs_input_grad[4]:
            of_factor = (heard * gate).mul_(soft).sum(dim=-1, keepdim=True)
        heard.mul_(factor)
        of_mixed = torch.empty_like(mixed)
        of_gate, of_core = of_mixed.chunk(2, dim=-1)
        torch.ops.aten.sigmoid_backward.grad_input(heard * soft, gate, grad_input=of_gate)
        torch.sigmoid(core, out=of_core)
        of_core.mul_(heard.mul_(gate))
        return (
            segment_sum(of_mixed, center, len(of_center)),
            segment_sum(of_mixed, neighbor, len(of_center)),
            of_mixed @ weight if ctx.needs_input_grad[2] else None,
            (edge.T @ of_mixed).T,
            of_factor,
            None,
            None,
        )


def _differentiable(
    inputs: list[Tensor], grad: Tensor, wanted: tuple[bool, ...]
) -> tuple[Tensor | None, ...]:
    """Return the derivatives by torch's own operations, which can be differentiated again.

    They are taken with respect to aliases of the inputs, which nothing was made from: an input may
    itself have been made from another one, and its path must not be walked here a second time.
    """
    inputs = [value.view_as(value) if value.is_floating_point() else value for value in inputs]
    of_center, of_neighbor, edge, weight, factor, center, neighbor = inputs
    mixed = gather(of_center, center) + gather(of_neighbor, neighbor)
    gate, core = torch.addmm(mixed, edge, weight.T).chunk(2, dim=-1)
    message = torch.sigmoid(gate) * functional.softplus(core) * factor
    total = segment_sum(message, center, len(of_center))
    chosen = [value for value, want in zip(inputs, wanted, strict=True) if want]
    found = iter(torch.autograd.grad(total, chosen, grad, create_graph=True))
    return tuple(next(found) if want else None for want in wanted)
