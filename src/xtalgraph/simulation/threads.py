"""How many threads evaluate a potential."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

import torch

from xtalgraph.conventions.waiting import POLICY

MANY_ATOMS: Final = 1000
"""From about here on two threads that sleep while they wait are faster than one."""


@contextmanager
def threads_for(atoms: int) -> Iterator[None]:
    """Use one thread for few atoms, where threads sleep while they wait.

    The operations on a small cell take less time than a thread takes to wake up: with two such
    threads a step of 64 atoms takes twice as long as with one.

    Args:
        atoms: How many are evaluated at once.
    """
    before = torch.get_num_threads()
    sleeping = os.environ.get(POLICY, "").upper() == "PASSIVE"
    if before == 1 or atoms >= MANY_ATOMS or not sleeping:
        yield
        return
    torch.set_num_threads(1)
    try:
        yield
    finally:
        torch.set_num_threads(before)
