"""The precision in which a model is trained."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

import torch

DOUBLE: Final = "64-true"


@contextmanager
def computing_in(precision: str, device: torch.device) -> Iterator[None]:
    """Compute in bf16 where ``training.precision`` says so, or make new tensors in float64."""
    before = torch.get_default_dtype()
    if precision == DOUBLE:
        torch.set_default_dtype(torch.float64)
    try:
        with torch.autocast(device.type, torch.bfloat16, enabled=precision == "bf16-mixed"):
            yield
    finally:
        torch.set_default_dtype(before)
