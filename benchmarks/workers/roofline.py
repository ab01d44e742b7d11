"""What a step does, operation by operation, and how fast the machine does such operations."""

import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import torch
from torch import Tensor
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves
from torch.utils.flop_counter import flop_registry

FUNCTIONS = {"exp", "softplus", "sigmoid", "silu", "tanh", "log", "log1p", "cos", "rsqrt", "sqrt"}
"""Operations that cost far more than the reading and writing of their numbers; backwards, too,
except of the sigmoid, which only multiplies."""
_ALLOCATES = {"empty", "empty_like", "empty_strided", "detach", "alias", "lift_fresh"}
"""Operations that touch no numbers."""


@dataclass
class Work:
    """Sums over the operations of a step."""

    flops: float = 0.0
    """Multiplications and additions of matrix products."""
    bytes: float = 0.0
    """Read and written, each operation by itself, as if no cache kept what the last one wrote."""
    functions: float = 0.0
    """Evaluations of exponentials and their like."""
    calls: list[tuple[float, float, float]] = field(default_factory=list)
    """The three for each operation."""
    product: tuple[int, int, int] = (1, 1, 1)
    """Shape of the largest matrix product: rows, inner, columns."""
    elements: int = 1
    """Elements of the largest result that is not of a matrix product."""

    def as_dict(self) -> dict[str, Any]:
        """Return plain values."""
        return dict(vars(self))


class _Counter(TorchDispatchMode):
    """Adds every operation to a `Work`."""

    def __init__(self) -> None:
        super().__init__()
        self.work = Work()

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        kwargs = kwargs or {}
        out = func(*args, **kwargs)
        name = func._overloadpacket.__name__
        if func.is_view or name in _ALLOCATES:
            return out
        results = [t for t in tree_leaves(out) if isinstance(t, Tensor)]
        inputs = [t for t in tree_leaves((args, kwargs)) if isinstance(t, Tensor)]
        written = sum(_bytes(t) for t in results)
        if name == "index_select":  # reads the chosen rows alone
            moved = 2 * written + _bytes(args[2])
        else:
            moved = written + sum(_bytes(t) for t in inputs)
        flops = functions = 0.0
        product = getattr(torch.ops.aten, name.removesuffix("_"), None)  # addmm_ counts as addmm
        if product in flop_registry:
            flops = flop_registry[product](*args, **kwargs, out_val=out)
            left, right = args[-2:]
            shape = left.shape[0], left.shape[1], right.shape[1]
            if flops > 2 * torch.Size(self.work.product).numel():
                self.work.product = shape
        else:
            elements = sum(t.numel() for t in results)
            self.work.elements = max(self.work.elements, elements)
            if name.removesuffix("_").removesuffix("_backward") in FUNCTIONS:
                functions = elements if name != "sigmoid_backward" else 0.0
        self.work.flops += flops
        self.work.bytes += moved
        self.work.functions += functions
        self.work.calls.append((flops, moved, functions))
        return out


def count_work(step: Callable[[], None]) -> Work:
    """Count what a step does.

    Args:
        step: Run once, forward, backward and the optimiser.
    """
    step()
    with _Counter() as counter:
        step()
    return counter.work


def measure_rates(work: Work) -> dict[str, float]:
    """Measure this machine at the sizes of a step, with as many threads as torch has now.

    Args:
        work: Says the sizes.

    Returns:
        Operations a second of matrix products, bytes a second of copies, and exponentials a
        second, the best of several turns each.
    """
    rows, inner, columns = work.product
    left, right = torch.randn(rows, inner), torch.randn(inner, columns)
    values = torch.rand(work.elements)
    room = torch.empty_like(values)
    product = torch.empty(rows, columns)
    return {
        "flops": 2 * rows * inner * columns / _best(lambda: torch.mm(left, right, out=product)),
        "bytes": 2 * _bytes(values) / _best(lambda: room.copy_(values)),
        "functions": len(values) / _best(lambda: torch.exp(values, out=room)),
    }


def _best(call: Callable[[], object]) -> float:
    times = []
    for _ in range(50):
        began = time.perf_counter()
        call()
        times.append(time.perf_counter() - began)
    return min(times)


def _bytes(tensor: Tensor) -> int:
    return tensor.numel() * tensor.element_size()
