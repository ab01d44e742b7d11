"""Sums over neighbors of radial function times features times harmonics, in blocks of atoms."""

import math
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Any, Final, NamedTuple, final

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
    """How many; 1 of degree 0 and of a scalar product."""
    column: int
    """Where their radial functions begin."""
    scalar: bool = False
    """Whether the features meet the harmonics in a scalar product, taken for each neighbor."""


def neighbor_sums(
    harmonics: Float[Tensor, "atoms slots harmonics"],
    radial: Float[Tensor, "atoms slots width"],
    features: Sequence[Float[Tensor, "atoms slots _ _"]],
    groups: Sequence[Group],
) -> tuple[Float[Tensor, "atoms _ _ _ _"], ...]:
    """Return Σ_j Y_m(r̂_ij) R_pc(d_ij) h_jnc of each group, with m, p, n and c as dimensions.

    m counts harmonics, p paths, n components and c channels; of a scalar product, m and n are 1.
    Nothing of the size of a message is kept: derivatives make it again, for some atoms at a time.
    The sums are linear in each of their three factors, so that the same few products are their
    derivatives. These can be taken twice.

    Args:
        harmonics: Y; that of degree 0 is the constant 1.
        radial: R, zero at empty slots; each column is of a group.
        features: h of the neighbor at each slot, components and channels.
        groups: Which products are wanted.
    """
    factors = harmonics, radial, *features
    if not _PLAIN.get():
        return _Sums.apply(tuple(groups), *factors)
    views = zip(groups, _views(groups, factors), strict=True)
    return tuple(_kind(group).plain(part) for group, part in views)


@contextmanager
def plain_sums() -> Iterator[None]:
    """Take the sums in plain products, all atoms at once: for a compiler, which arranges them."""
    token = _PLAIN.set(True)
    try:
        yield
    finally:
        _PLAIN.reset(token)


class _Factors(NamedTuple):
    """The factors of a group, or numbers of their shapes, for some atoms."""

    harmonics: Float[Tensor, "atoms slots m"]
    radial: Float[Tensor, "atoms slots p c"]
    features: Float[Tensor, "atoms slots n c"]


@final
class _Outer:
    """Each harmonic with each component: products of matrices over the slots of an atom."""

    @staticmethod
    def message(radial: Tensor, features: Tensor) -> Tensor:
        """R h, for each slot."""
        return radial.unsqueeze(3) * features.unsqueeze(2)

    @staticmethod
    def plain(part: _Factors) -> Tensor:
        message = _Outer.message(part.radial, part.features)
        total = torch.bmm(part.harmonics.mT, message.flatten(2))
        return total.view(*total.shape[:2], *message.shape[2:])

    @staticmethod
    def add_up(part: _Factors, total: Tensor) -> None:
        message = _Outer.message(part.radial, part.features).flatten(2)
        torch.bmm(part.harmonics.mT, message, out=total.flatten(2))

    @staticmethod
    def slopes(part: _Factors, slope: _Factors, grad: Tensor, wanted: tuple[bool, bool]) -> None:
        received = grad.flatten(2)
        if wanted[0]:
            message = _Outer.message(part.radial, part.features).flatten(2)
            slope.harmonics.add_(message @ received.mT)
        of_message = _parts(part.harmonics @ received, part)
        _Outer._of_radial(slope, of_message, part, fresh=True)
        if wanted[1]:
            _Outer._of_features(slope, of_message, part)

    @staticmethod
    def second(
        part: _Factors, change: _Factors, slope: _Factors, grad: Tensor, total: Tensor
    ) -> None:
        received, out = grad.flatten(2), total.flatten(2)
        message = _Outer.message(change.radial, part.features)
        message.addcmul_(part.radial.unsqueeze(3), change.features.unsqueeze(2))
        message = message.flatten(2)
        torch.bmm(part.harmonics.mT, message, out=out)
        out.baddbmm_(change.harmonics.mT, _Outer.message(part.radial, part.features).flatten(2))
        slope.harmonics.add_(message @ received.mT)
        for harmonics, other in ((change.harmonics, part), (part.harmonics, change)):
            of_message = _parts(harmonics @ received, part)
            _Outer._of_radial(slope, of_message, other, fresh=other is part)
            _Outer._of_features(slope, of_message, other)

    @staticmethod
    def _of_radial(slope: _Factors, of_message: Tensor, part: _Factors, *, fresh: bool) -> None:
        """Add the derivative by R, from that by the message; fresh, there is none so far."""
        rows = zip(of_message.unbind(3), part.features.unsqueeze(2).unbind(3), strict=True)
        for parts, values in rows:
            if fresh:
                torch.mul(parts, values, out=slope.radial)
                fresh = False
            else:
                slope.radial.addcmul_(parts, values)

    @staticmethod
    def _of_features(slope: _Factors, of_message: Tensor, part: _Factors) -> None:
        """Add the derivative by h, from that by the message."""
        rows = zip(of_message.unbind(2), part.radial.unsqueeze(3).unbind(2), strict=True)
        for parts, values in rows:
            slope.features.addcmul_(parts, values)


def _parts(message: Tensor, part: _Factors) -> Tensor:
    """Return a message with its paths, components and channels."""
    return message.view(*part.radial.shape[:3], *part.features.shape[2:])


@final
class _Inner:
    """One product t for each slot: Σ_n Y_n h_n, or of degree 0 h itself; then Σ_j R t."""

    @staticmethod
    def plain(part: _Factors) -> Tensor:
        total = (part.radial * _product(part.harmonics, part.features)).sum(1)
        return total.unsqueeze(1).unsqueeze(2)

    @staticmethod
    def add_up(part: _Factors, total: Tensor) -> None:
        products = part.radial * _product(part.harmonics, part.features)
        torch.sum(products, 1, out=total.squeeze(2).squeeze(1))

    @staticmethod
    def slopes(part: _Factors, slope: _Factors, grad: Tensor, wanted: tuple[bool, bool]) -> None:
        received = grad.squeeze(2)
        _dot(_product(part.harmonics, part.features), received, out=slope.radial)
        _Inner._add_factors(slope, part.radial, received, part, wanted)

    @staticmethod
    def second(
        part: _Factors, change: _Factors, slope: _Factors, grad: Tensor, total: Tensor
    ) -> None:
        received, both = grad.squeeze(2), (True, True)
        products = _product(part.harmonics, part.features)
        changes = _product(part.harmonics, change.features)
        _Inner._add_factors(slope, change.radial, received, part, both)
        if part.harmonics.shape[2] > 1:
            changes += _product(change.harmonics, part.features)
            _Inner._add_factors(slope, part.radial, received, change, both)
        _dot(changes, received, out=slope.radial)
        summed = (change.radial * products).addcmul_(part.radial, changes)
        torch.sum(summed, 1, out=total.squeeze(2).squeeze(1))

    @staticmethod
    def _add_factors(
        slope: _Factors,
        radial: Tensor,
        received: Tensor,
        part: _Factors,
        wanted: tuple[bool, bool],
    ) -> None:
        """Add the derivatives by Y and h of a part, from that by the sum."""
        if part.harmonics.shape[2] == 1:
            if wanted[1]:
                slope.features.addcmul_(radial, received)
            return
        of_product = radial * received
        if wanted[0]:
            slope.harmonics.add_((part.features @ of_product.mT).squeeze(3))
        if wanted[1]:
            slope.features.addcmul_(part.harmonics.unsqueeze(3), of_product)


def _product(harmonics: Tensor, features: Tensor) -> Tensor:
    """Return t."""
    if harmonics.shape[2] == 1:
        return features
    first, *rows = zip(harmonics.unsqueeze(3).unbind(2), features.unbind(2), strict=True)
    total = first[0] * first[1]
    for row in rows:
        total = torch.addcmul(total, *row)
    return total.unsqueeze(2)


def _dot(products: Tensor, received: Tensor, out: Tensor) -> None:
    """Write Σ_n t_n g_n."""
    first, *rows = zip(products.unbind(2), received.unbind(2), strict=True)
    total = torch.mul(*first, out=out.squeeze(2))
    for row in rows:
        total.addcmul_(*row)


def _kind(group: Group) -> type[_Outer] | type[_Inner]:
    return _Inner if group.scalar or group.degree == 0 else _Outer


def _views(groups: Sequence[Group], factors: Sequence[Tensor]) -> list[_Factors]:
    """Return the factors of each group for all atoms."""
    harmonics, radial, *features = factors
    orders = range(math.isqrt(harmonics.shape[2]))
    of_degree = harmonics.split([2 * order + 1 for order in orders], dim=2)
    views = []
    for group in groups:
        values = features[group.input]
        channels = values.shape[3]
        columns = radial.narrow(2, group.column, group.paths * channels)
        parts = columns.view(*columns.shape[:2], group.paths, channels)
        views.append(_Factors(of_degree[group.degree], parts, values))
    return views


def _blocks(part: _Factors, *more: _Factors | Tensor) -> Iterator[tuple[Any, ...]]:
    """Yield the same for some atoms at a time, where a message of all is large."""
    atoms = len(part.radial)
    if part.radial.device.type != "cpu" or (size := _size(part)) <= _BLOCK:
        yield part, *more
        return
    count = max(1, atoms // -(-size // _BLOCK))
    split = [
        value.split(count)
        if isinstance(value, Tensor)
        else map(_Factors._make, zip(*(tensor.split(count) for tensor in value), strict=True))
        for value in (part, *more)
    ]
    yield from zip(*split, strict=True)


def _size(part: _Factors) -> int:
    """Return how many numbers a message has."""
    return part.radial.shape[2] * part.features.numel()


class _Sums(torch.autograd.Function):
    """The sums of all groups."""

    @staticmethod
    def forward(ctx: Any, groups: tuple[Group, ...], *factors: Tensor) -> tuple[Tensor, ...]:
        ctx.save_for_backward(*factors)
        ctx.groups = groups
        sums = _empty(groups, factors)
        for group, whole, total in zip(groups, _views(groups, factors), sums, strict=True):
            for part, rows in _blocks(whole, total):
                _kind(group).add_up(part, rows)
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
        views = _views(groups, factors), _views(groups, slopes)
        for group, whole, slopes_of, grad in zip(groups, *views, grads, strict=True):
            which = wanted[0], wanted[2 + group.input]
            for part, slope, received in _blocks(whole, slopes_of, grad):
                _kind(group).slopes(part, slope, received, which)
        return slopes

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, *cotangents: Tensor) -> tuple[Tensor | None, ...]:
        groups = ctx.groups
        grads, factors = ctx.saved_tensors[: ctx.count], ctx.saved_tensors[ctx.count :]
        sums, slopes = _empty(groups, factors), _zeros(factors)
        views = _views(groups, factors), _views(groups, cotangents), _views(groups, slopes)
        for group, *wholes, grad, total in zip(groups, *views, grads, sums, strict=True):
            for part, change, slope, received, rows in _blocks(*wholes, grad, total):
                _kind(group).second(part, change, slope, received, rows)
        return None, None, None, *sums, *slopes


def _zeros(factors: Sequence[Tensor]) -> tuple[Tensor, ...]:
    """Return derivatives to which groups add; of R each group writes its columns first."""
    harmonics, radial, *features = factors
    return torch.zeros_like(harmonics), torch.empty_like(radial), *map(torch.zeros_like, features)


def _empty(groups: Sequence[Group], factors: Sequence[Tensor]) -> tuple[Tensor, ...]:
    _, radial, *features = factors
    made = []
    for group in groups:
        *_, components, channels = features[group.input].shape
        shape = 2 * group.degree + 1, group.paths, components, channels
        if group.scalar:
            shape = 1, 1, 1, channels
        made.append(radial.new_empty(len(radial), *shape))
    return tuple(made)
