"""The gated sum against torch's own operations, through two derivatives and in every dtype."""

import pytest
import torch
from torch.nn import functional

from xtalgraph.nn.gated_sum import gated_sum

ATOMS, EDGES, WIDTH, BASIS = 4, 7, 3, 2
CENTER = torch.tensor([0, 0, 1, 1, 1, 3, 3])  # atom 2 hears nothing
NEIGHBOR = torch.tensor([1, 0, 3, 3, 0, 1, 3])
CORES = {"softplus": functional.softplus, "silu": functional.silu}


def inputs(dtype=torch.float64, scale=1.0, rest=0):
    torch.manual_seed(0)
    parts = 2 * WIDTH + rest
    shapes = (ATOMS, parts), (ATOMS, parts), (EDGES, BASIS), (parts, BASIS), (EDGES, 1)
    values = [scale * torch.randn(*shape, dtype=torch.float64) for shape in shapes]
    return [value.to(dtype).requires_grad_() for value in values]


def ours(*values, core="softplus"):
    return gated_sum(*values, core=core, width=WIDTH)


def written_out(of_center, of_neighbor, edge, weight, factor, center, neighbor, *, core="softplus"):
    rows = [[] for _ in range(len(of_center))]
    left = []
    for k in range(len(center)):
        mixed = of_center[center[k]] + of_neighbor[neighbor[k]] + weight @ edge[k]
        gate, inner, change = mixed.split([WIDTH, WIDTH, len(mixed) - 2 * WIDTH])
        rows[int(center[k])].append(factor[k] * torch.sigmoid(gate) * CORES[core](inner))
        left.append(CORES[core](change))
    total = torch.stack([sum(row, of_center.new_zeros(WIDTH)) for row in rows])
    return total, torch.stack(left)


@pytest.mark.parametrize("core", CORES)
@pytest.mark.parametrize("rest", [0, 2])
@pytest.mark.parametrize("scale", [1.0, 30.0])  # 30 saturates the gate and the core
def test_it_is_the_equation_with_all_its_derivatives(scale, rest, core):
    values = inputs(scale=scale, rest=rest)
    found, naive = (f(*values, CENTER, NEIGHBOR, core=core) for f in (ours, written_out))
    directions = [torch.randn_like(one) for one in found]
    for one, other in zip(found, naive, strict=True):
        torch.testing.assert_close(one, other, rtol=1e-12, atol=1e-12)
    for one, other in zip(
        torch.autograd.grad(found, values, directions),
        torch.autograd.grad(naive, values, directions),
        strict=True,
    ):
        torch.testing.assert_close(one, other, rtol=1e-10, atol=1e-12)


@pytest.mark.parametrize("core", CORES)
@pytest.mark.parametrize("rest", [0, 2])
def test_derivatives_are_those_of_finite_differences_once_and_twice(rest, core):
    def function(*values):
        total, change = ours(*values, CENTER, NEIGHBOR, core=core)
        return (total, change) if rest else total

    assert torch.autograd.gradcheck(function, inputs(rest=rest))
    assert torch.autograd.gradgradcheck(function, inputs(rest=rest))


def test_what_is_not_asked_for_is_not_computed_and_a_kept_graph_serves_twice():
    values = inputs()
    for fixed in values[2], values[4]:
        fixed.requires_grad_(False)
    total = gated_sum(*values, CENTER, NEIGHBOR).total.sum()
    first = torch.autograd.grad(total, values[:2], retain_graph=True)
    again = torch.autograd.grad(total, values[:2], create_graph=True)
    for one, other in zip(first, again, strict=True):
        torch.testing.assert_close(one, other)
    total.backward()
    assert values[2].grad is None
    assert values[4].grad is None


@pytest.mark.parametrize("core", CORES)
def test_edges_that_share_their_features_give_what_each_with_its_own_gives(core):
    row = torch.tensor([2, 0, 1, 1, 2, 0, 0])
    values = inputs(rest=2)
    values[2] = values[2][:3].detach().requires_grad_()
    given = CENTER, NEIGHBOR

    def shared(of_center, of_neighbor, edge, weight, factor):
        rows = of_center, of_neighbor, edge, weight, factor
        return tuple(gated_sum(*rows, *given, core=core, width=WIDTH, row=row))

    def apart(of_center, of_neighbor, edge, weight, factor):
        rows = of_center, of_neighbor, edge[row], weight, factor
        return tuple(gated_sum(*rows, *given, core=core, width=WIDTH))

    found, expected = shared(*values), apart(*values)
    torch.testing.assert_close(found, expected, rtol=1e-12, atol=1e-12)
    sums = [(one.square().sum() + other.square().sum()) for one, other in (found, expected)]
    one, other = (torch.autograd.grad(total, values) for total in sums)
    torch.testing.assert_close(one, other, rtol=1e-10, atol=1e-12)
    assert torch.autograd.gradgradcheck(shared, values)
    with torch.no_grad():
        torch.testing.assert_close(shared(*values), found, rtol=1e-12, atol=1e-12)


def test_no_edges_are_no_messages():
    values = inputs()
    edges = [values[2][:0], values[3], values[4][:0]]
    total = gated_sum(values[0], values[1], *edges, CENTER[:0], NEIGHBOR[:0]).total
    torch.testing.assert_close(total, torch.zeros(ATOMS, WIDTH, dtype=torch.float64))
    total.sum().backward()
    assert values[3].grad is not None
    assert values[3].grad.abs().max() == 0


def test_half_precision_of_the_atoms_is_served_as_autocast_makes_it():
    values = inputs(torch.float32)
    exact = gated_sum(*values, CENTER, NEIGHBOR).total
    with torch.autocast("cpu", torch.bfloat16):
        mixed = [value.to(torch.bfloat16) for value in values[:2]]
        rough = gated_sum(*mixed, *values[2:], CENTER, NEIGHBOR).total
    torch.testing.assert_close(rough.float(), exact, rtol=0.05, atol=0.05)
    rough.float().sum().backward()
    assert all(value.grad.dtype == torch.float32 for value in values)


def test_what_was_made_from_other_inputs_is_not_walked_twice():
    """Two sums that read the same edges: the second's atoms depend on them too."""
    values = [value.requires_grad_() for value in inputs()]
    probe = torch.linspace(-1, 1, values[0].shape[1] // 2, dtype=torch.float64)

    def stacked(function):
        of_center, of_neighbor, *shared = values
        first, _ = function(of_center, of_neighbor, *shared, CENTER, NEIGHBOR)
        again = torch.cat([first, first], dim=-1)
        return (function(again, of_neighbor, *shared, CENTER, NEIGHBOR)[0] * probe).sum()

    expected = torch.autograd.grad(stacked(written_out), values)
    for create_graph in (False, True):
        found = torch.autograd.grad(stacked(gated_sum), values, create_graph=create_graph)
        for one, other in zip(found, expected, strict=True):
            torch.testing.assert_close(one, other)


@pytest.mark.parametrize("core", CORES)
def test_without_a_derivative_the_same_comes_out_and_the_inputs_stay(core):
    values = inputs(rest=2)
    wanted = gated_sum(*values, CENTER, NEIGHBOR, core=core, width=WIDTH)
    before = [value.detach().clone() for value in values]
    with torch.no_grad():
        found = gated_sum(*values, CENTER, NEIGHBOR, core=core, width=WIDTH)
    for one, other in zip(found, wanted, strict=True):
        assert torch.equal(one, other)
    for one, other in zip(values, before, strict=True):
        assert torch.equal(one, other)


@pytest.mark.parametrize("core", CORES)
@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_where_edges_are_sorted_the_sums_and_derivatives_have_the_same_bits(core, dtype):
    order = CENTER.argsort(stable=True)
    center, neighbor = CENTER[order], NEIGHBOR[order]
    starts = torch.searchsorted(center, torch.arange(ATOMS + 1))
    found = []
    for given in (None, starts):
        values = inputs(dtype, rest=2)
        sums = gated_sum(*values, center, neighbor, core=core, width=WIDTH, starts=given)
        (sums.total.sum() + sums.change.square().sum()).backward()
        found.append([*sums, *(value.grad for value in values)])
    for one, other in zip(*found, strict=True):
        assert torch.equal(one, other)
