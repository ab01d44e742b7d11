"""Sums over neighbors of radial function times features times harmonics, in blocks of atoms."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Any, Final, NamedTuple

import torch
from jaxtyping import Float
from torch import Tensor
from torch.autograd.function import once_differentiable

_BLOCK: Final = 2**19
"""Numbers of a message that stay in the cache of a processor."""
_PLAIN: Final = ContextVar("plain", default=False)


class Group(NamedTuple):
    """The paths from one input with the harmonics of one degree."""

    input: int
    """Which of the features."""
    degree: int
    """Of the harmonics."""
    paths: int
    column: int
    """Where their radial functions begin."""


def neighbor_sums(
    harmonics: Float[Tensor, "atoms slots harmonics"],
    radial: Float[Tensor, "atoms slots width"],
    features: Sequence[Float[Tensor, "atoms slots _ _"]],
    groups: Sequence[Group],
) -> tuple[Float[Tensor, "atoms _ _ _ _"], ...]:
    """Return Σ_j Y_m(r̂_ij) R_pc(d_ij) h_jnc of each group, with m, p, n and c as dimensions.

    m counts harmonics, p paths, n components and c channels. Nothing of the size of a message is
    kept: derivatives make it again, for some atoms at a time. The sums are linear in each of their
    three factors, so that the same few products are their derivatives. These can be taken twice.

    Args:
        harmonics: Y, zero at empty slots.
        radial: R; each column is of a group.
        features: h of the neighbor at each slot, components and channels.
        groups: Which products are wanted.
    """
    factors = harmonics, radial, *features
    if not _PLAIN.get():
        return _Sums.apply(tuple(groups), *factors)
    parts = [_part(group, factors, slice(None)) for group in groups]
    sums = [torch.bmm(part.harmonics.mT, part.message) for part in parts]
    shapes = [(group.paths, *features[group.input].shape[2:]) for group in groups]
    return tuple(total.unflatten(2, shape) for total, shape in zip(sums, shapes, strict=True))


@contextmanager
def plain_sums() -> Iterator[None]:
    """Take the sums in plain products, all atoms at once: for a compiler, which arranges them."""
    token = _PLAIN.set(True)
    try:
        yield
    finally:
        _PLAIN.reset(token)


class _Block(NamedTuple):
    """The factors of some atoms for one group."""

    harmonics: Tensor
    radial: Tensor
    features: Tensor

    @property
    def message(self) -> Tensor:
        """R h, for each slot."""
        return (self.radial.unsqueeze(3) * self.features.unsqueeze(2)).flatten(2)


def _blocks(groups: Sequence[Group], factors: Sequence[Tensor]) -> Iterator[slice]:
    """Yield the atoms of each block."""
    _, radial, *features = factors
    atoms, slots = radial.shape[:2]
    most = max(group.paths * features[group.input].shape[2:].numel() for group in groups)
    blocks = -(-atoms * slots * most // _BLOCK) if radial.device.type == "cpu" else 1
    count = max(1, -(-atoms // max(1, blocks)))
    for start in range(0, atoms, count):
        yield slice(start, start + count)


def _part(group: Group, factors: Sequence[Tensor], rows: slice) -> _Block:
    """Return the factors of a group for some atoms."""
    harmonics, radial, *features = factors
    values, order = features[group.input][rows], group.degree
    columns = slice(group.column, group.column + group.paths * values.shape[-1])
    return _Block(
        harmonics[rows, :, order**2 : (order + 1) ** 2],
        radial[rows, :, columns].unflatten(2, (group.paths, values.shape[-1])),
        values,
    )


class _Sums(torch.autograd.Function):
    """The sums of all groups."""

    @staticmethod
    def forward(ctx: Any, groups: tuple[Group, ...], *factors: Tensor) -> tuple[Tensor, ...]:
        ctx.save_for_backward(*factors)
        ctx.groups = groups
        sums = _empty(groups, factors)
        for rows in _blocks(groups, factors):
            for group, total in zip(groups, sums, strict=True):
                part = _part(group, factors, rows)
                torch.bmm(part.harmonics.mT, part.message, out=total[rows].flatten(2))
        return sums

    @staticmethod
    def backward(ctx: Any, *grads: Tensor) -> tuple[Tensor | None, ...]:
        wanted = ctx.needs_input_grad[1:]
        slopes = _Slopes.apply(ctx.groups, wanted, len(grads), *grads, *ctx.saved_tensors)
        return None, *(s if want else None for s, want in zip(slopes, wanted, strict=True))


class _Slopes(torch.autograd.Function):
    """The derivatives of the sums by their factors, and the derivatives of these."""

    @staticmethod
    def forward(
        ctx: Any, groups: tuple[Group, ...], wanted: tuple[bool, ...], count: int, *inputs: Tensor
    ) -> tuple[Tensor, ...]:
        ctx.save_for_backward(*inputs)
        ctx.groups, ctx.count = groups, count
        grads, factors = inputs[:count], inputs[count:]
        slopes = _zeros(factors)
        for rows in _blocks(groups, factors):
            for group, grad in zip(groups, grads, strict=True):
                part, slope = _part(group, factors, rows), _part(group, slopes, rows)
                received = grad[rows].flatten(2)
                if wanted[0]:
                    slope.harmonics.add_(part.message @ received.mT)
                of_message = part.harmonics @ received
                _add_to_radial(slope, of_message, part, fresh=True)
                if wanted[2 + group.input]:
                    _add_to_features(slope, of_message, part)
        return slopes

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, *cotangents: Tensor) -> tuple[Tensor | None, ...]:
        grads, factors = ctx.saved_tensors[: ctx.count], ctx.saved_tensors[ctx.count :]
        sums = _empty(ctx.groups, factors)
        slopes = _zeros(factors)
        for rows in _blocks(ctx.groups, factors):
            for group, grad, total in zip(ctx.groups, grads, sums, strict=True):
                part, slope = _part(group, factors, rows), _part(group, slopes, rows)
                change = _part(group, cotangents, rows)
                received = grad[rows].flatten(2)
                message = change.radial.unsqueeze(3) * part.features.unsqueeze(2)
                message.addcmul_(part.radial.unsqueeze(3), change.features.unsqueeze(2))
                message = message.flatten(2)
                out = total[rows].flatten(2)
                torch.bmm(part.harmonics.mT, message, out=out)
                out.baddbmm_(change.harmonics.mT, part.message)
                slope.harmonics.add_(message @ received.mT)
                for of_message, other, fresh in (
                    (change.harmonics @ received, part, True),
                    (part.harmonics @ received, change, False),
                ):
                    _add_to_radial(slope, of_message, other, fresh=fresh)
                    _add_to_features(slope, of_message, other)
        return None, None, None, *sums, *slopes


def _add_to_radial(slope: _Block, of_message: Tensor, part: _Block, *, fresh: bool) -> None:
    """Add the derivative by R, from that by the message R h; fresh, there is none so far."""
    parts = of_message.unflatten(2, (*part.radial.shape[2:3], *part.features.shape[2:]))
    for row in range(part.features.shape[2]):
        values = parts[..., row, :], part.features[:, :, row].unsqueeze(2)
        if fresh and row == 0:
            torch.mul(*values, out=slope.radial)
        else:
            slope.radial.addcmul_(*values)


def _add_to_features(slope: _Block, of_message: Tensor, part: _Block) -> None:
    """Add the derivative by h, from that by the message R h."""
    parts = of_message.unflatten(2, (*part.radial.shape[2:3], *part.features.shape[2:]))
    for row in range(part.radial.shape[2]):
        slope.features.addcmul_(parts[:, :, row], part.radial[:, :, row].unsqueeze(2))


def _zeros(factors: Sequence[Tensor]) -> tuple[Tensor, ...]:
    """Return derivatives to which groups add; of R each group writes its columns first."""
    harmonics, radial, *features = factors
    return torch.zeros_like(harmonics), torch.empty_like(radial), *map(torch.zeros_like, features)


def _empty(groups: Sequence[Group], factors: Sequence[Tensor]) -> tuple[Tensor, ...]:
    _, radial, *features = factors
    return tuple(
        radial.new_empty(
            len(radial), 2 * group.degree + 1, group.paths, *features[group.input].shape[2:]
        )
        for group in groups
    )
