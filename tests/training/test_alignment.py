"""The same crystal, written so that it is near a start."""

import itertools

import numpy as np
import torch

from xtalgraph.models.generation.state import wrapped
from xtalgraph.training.alignment import nearest_writing


def test_it_is_the_same_crystal():
    generator = torch.Generator().manual_seed(0)
    number, count = torch.tensor([38, 8, 22, 8, 8, 6, 6, 6]), torch.tensor([5, 3])
    target, start = (torch.rand(8, 3, generator=generator) for _ in range(2))
    written = nearest_writing(target, start, number, count)
    for rows in (slice(0, 5), slice(5, 8)):
        before, after, kinds = target[rows], written[rows], number[rows]
        anchor = int(torch.argmax((kinds == 38).int()))
        shifts = [
            after[anchor] - before[n] for n in torch.nonzero(kinds == kinds[anchor]).flatten()
        ]
        found = [
            all(
                min(wrapped(after[m] - before[n] - shift).abs().max()
                    for n in torch.nonzero(kinds == kinds[m]).flatten()) < 1e-5
                for m in range(len(kinds))
            )
            for shift in shifts
        ]  # fmt: skip
        assert any(found)


def test_the_ways_are_nearly_as_short_as_any_order_and_origin_makes_them():
    """Of four atoms all orders can be tried, each with the origins that lay an atom on another."""
    found = shortest = plain = 0.0
    generator = torch.Generator().manual_seed(3)
    number, count = torch.full((4,), 6), torch.tensor([4])
    for _ in range(20):
        target, start = (torch.rand(4, 3, generator=generator).double() for _ in range(2))
        written = nearest_writing(target, start, number, count)
        ways = wrapped(written - start)
        assert np.allclose(ways.mean(dim=0), 0, atol=1e-9)
        tried = []
        for order in itertools.permutations(range(4)):
            for origin in range(4):
                shift = start[0] - target[origin]
                other = wrapped(target[list(order)] + shift - start)
                tried.append((other - other.mean(dim=0)).square().sum())
        found += float(ways.square().sum())
        shortest += float(min(tried))
        plain += float(wrapped(target - start).square().sum())
    assert shortest - 1e-9 <= found < 1.2 * shortest < 0.4 * plain, (found, shortest, plain)


def test_the_mean_way_is_nothing_and_elements_stay():
    generator = torch.Generator().manual_seed(1)
    number, count = torch.tensor([38, 22, 8, 8, 8] * 3), torch.tensor([5] * 3)
    target, start = (torch.rand(15, 3, generator=generator) for _ in range(2))
    plain = wrapped(target - start).square().sum()
    ways = nearest_writing(target, start, number, count) - start
    assert ways.view(3, 5, 3).mean(dim=1).abs().max() < 1e-6
    assert ways.square().sum() < plain
