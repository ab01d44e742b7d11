"""Coordinates on the torus, and shapes of cells."""

import numpy as np
import torch

from xtalgraph.models.generation.state import cells_from, shapes_of, without_mean, wrapped


def test_the_way_on_the_torus_is_the_shortest():
    generator = torch.Generator().manual_seed(0)
    ends = torch.rand(200, 3, generator=generator), torch.rand(200, 3, generator=generator)
    way = wrapped(ends[1] - ends[0])
    images = torch.cartesian_prod(*[torch.tensor([-1.0, 0.0, 1.0])] * 3)
    shortest = (ends[1] - ends[0] + images.unsqueeze(1)).norm(dim=-1).amin(dim=0)
    assert torch.allclose(way.norm(dim=-1), shortest, atol=1e-6)


def test_a_shape_gives_the_cell_back_but_for_its_rotation():
    cell = torch.from_numpy(np.random.default_rng(0).normal(size=(6, 3, 3)))
    count = torch.tensor([1, 2, 5, 8, 13, 24])
    again = cells_from(shapes_of(cell, count), count)
    assert torch.allclose(again @ again.mT, cell @ cell.mT, atol=1e-9)
    assert (torch.linalg.det(again) > 0).all()


def test_the_trace_of_a_shape_is_the_volume_of_an_atom():
    cell = torch.from_numpy(np.random.default_rng(1).normal(size=(4, 3, 3)))
    count = torch.tensor([1, 3, 9, 20])
    volume = torch.linalg.det(cell).abs() / count
    shape = shapes_of(cell, count)
    assert torch.allclose(shape[:, [0, 3, 5]].sum(dim=-1), volume.log(), atol=1e-9)


def test_the_mean_of_each_crystal_is_taken_away():
    vectors = torch.arange(15.0).view(5, 3)
    rest = without_mean(vectors, torch.tensor([2, 3]))
    assert torch.equal(rest[:2].sum(dim=0), torch.zeros(3))
    assert torch.equal(rest[2:].sum(dim=0), torch.zeros(3))
    assert torch.equal(rest[1] - rest[0], vectors[1] - vectors[0])
