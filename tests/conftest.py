"""One thread for each test process, since several run beside each other; oracles by other hands."""

import os
import warnings
from types import ModuleType

import pytest

os.environ.setdefault("OMP_NUM_THREADS", "1")
os.environ.setdefault("DGLBACKEND", "pytorch")  # or DGL writes its choice into the home folder


@pytest.fixture(scope="session")
def pyg() -> ModuleType:
    """PyTorch Geometric's layers, as oracles; importing them warns of torch's own deprecations."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)
        import torch_geometric.nn
    return torch_geometric.nn
