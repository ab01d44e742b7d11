"""Messages that are products of a neighbour and a filter, where both edges of a pair share one."""

from typing import Any

import torch
from jaxtyping import Float, Int
from torch import Tensor
from torch.nn import functional

from xtalgraph.graphs.pairs import Pairs
from xtalgraph.nn.segments import segment_sum


def pair_sum(
    atom: Float[Tensor, "atoms width"],
    filters: Float[Tensor, "pairs width"],
    pairs: Pairs,
    starts: Int[Tensor, " starts"] | None,
) -> Float[Tensor, "atoms width"]:
    """Return Σ_j x_j ∘ W_ij with W_ij = W_ji.

    It is as often differentiable as one likes. The derivative by x is the same sum, and that by W
    is x_j ∘ g_i + x_i ∘ g_j, whose derivatives are such sums again. So nothing is kept for the
    derivatives but x and W, and everything is computed for pairs, half as many as edges.

    Args:
        atom: x.
        filters: W, a row for each pair.
        pairs: Of the graph.
        starts: `Graph.edge_starts`, with which single precision is added up by one quick call; None
            takes the other way.
    """
    total: Tensor = _Sum.apply(atom, filters, pairs, starts)
    return total


class _Sum(torch.autograd.Function):
    """Σ_j x_j ∘ W_ij."""

    @staticmethod
    def forward(
        ctx: Any, atom: Tensor, filters: Tensor, pairs: Pairs, starts: Tensor | None
    ) -> Tensor:
        ctx.save_for_backward(atom, filters)
        ctx.pairs, ctx.starts = pairs, starts
        count, width = filters.shape
        message = filters.new_empty(2 * count, width)
        for part, sender in ((message[:count], pairs.neighbor), (message[count:], pairs.center)):
            torch.index_select(atom, 0, sender, out=part)
            part.mul_(filters)
        if message.dtype == torch.float32 and starts is not None and count:
            return functional.embedding_bag(
                pairs.rows, message, starts, mode="sum", include_last_offset=True
            )
        receiver = torch.cat([pairs.center, pairs.neighbor])
        return segment_sum(message, receiver, atom.shape[0])

    @staticmethod
    def backward(ctx: Any, *grads: Tensor) -> tuple[Tensor | None, ...]:
        atom, filters = ctx.saved_tensors
        of_atom = of_filters = None
        if ctx.needs_input_grad[0]:
            of_atom = _Sum.apply(grads[0], filters, ctx.pairs, ctx.starts)
        if ctx.needs_input_grad[1]:
            of_filters = _Products.apply(grads[0], atom, ctx.pairs, ctx.starts)
        return of_atom, of_filters, None, None


class _Products(torch.autograd.Function):
    """a_i ∘ b_j + a_j ∘ b_i for each pair."""

    @staticmethod
    def forward(ctx: Any, a: Tensor, b: Tensor, pairs: Pairs, starts: Tensor | None) -> Tensor:
        ctx.save_for_backward(a, b)
        ctx.pairs, ctx.starts = pairs, starts
        there = a.index_select(0, pairs.center).mul_(b.index_select(0, pairs.neighbor))
        back = a.index_select(0, pairs.neighbor)
        return there.addcmul_(back, b.index_select(0, pairs.center))

    @staticmethod
    def backward(ctx: Any, *grads: Tensor) -> tuple[Tensor | None, ...]:
        a, b = ctx.saved_tensors
        of_a = of_b = None
        if ctx.needs_input_grad[0]:
            of_a = _Sum.apply(b, grads[0], ctx.pairs, ctx.starts)
        if ctx.needs_input_grad[1]:
            of_b = _Sum.apply(a, grads[0], ctx.pairs, ctx.starts)
        return of_a, of_b, None, None
