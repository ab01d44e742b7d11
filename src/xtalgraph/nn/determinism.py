"""The same bits from the same inputs."""

import os
from collections.abc import Iterator
from contextlib import contextmanager

import torch


@contextmanager
def deterministic(threads: int | None = None) -> Iterator[None]:
    """Let torch use deterministic algorithms on so many threads, and put it back as it was.

    Args:
        threads: CPU threads, since the order in which sums are added depends on them; None takes
            one, so that the bits are the same whatever the number of cores.
    """
    before_threads = torch.get_num_threads()
    before = torch.get_deterministic_debug_mode()
    filled = torch.utils.deterministic.fill_uninitialized_memory  # type: ignore[attr-defined]
    os.environ.setdefault("CUBLAS_WORKSPACE_CONFIG", ":4096:8")  # asked for by torch on CUDA
    torch.set_num_threads(threads or 1)
    # `use_deterministic_algorithms` says the same, and loads the compiler of torch for a second.
    torch.set_deterministic_debug_mode("error")
    # All memory that is made here is written before it is read; to fill it first costs 2 %.
    torch.utils.deterministic.fill_uninitialized_memory = False  # type: ignore[attr-defined]
    try:
        yield
    finally:
        torch.set_num_threads(before_threads)
        torch.set_deterministic_debug_mode(before)
        torch.utils.deterministic.fill_uninitialized_memory = filled  # type: ignore[attr-defined]
