"""Graphs to hand over: every contract crystal and a few real ones, with and without direction."""

import dataclasses
import gzip
import json
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import torch

from xtalgraph.crystals.cif import read_cif
from xtalgraph.crystals.convert import from_pymatgen_dict
from xtalgraph.crystals.crystal import Crystal
from xtalgraph.graphs.build import build_graph
from xtalgraph.graphs.crystal_graph import CrystalGraph
from xtalgraph.graphs.graph import Graph
from xtalgraph.graphs.strategies import Hybrid, Radius
from xtalgraph.testing.crystals import contract_crystals

DATA = Path(__file__).parents[3].parent / "shared" / "data"
STRATEGIES = {"radius": Radius(5.0), "hybrid": Hybrid(8.0, 4)}


@pytest.fixture(scope="session")
def crystals() -> list[Crystal]:
    """3D, slab, wire, molecule, one atom, no edges."""
    found = contract_crystals()
    flat = found["slab"]
    molecule = np.array([False, False, False])
    found["molecule"] = dataclasses.replace(flat, pbc=molecule)
    return list(found.values())


@pytest.fixture(scope="session")
def real_crystals() -> list[Crystal]:
    """Three crystals each of perovskites, phonons and carbon."""
    if not (DATA / "perovskites.csv.gz").is_file():
        pytest.skip("needs ../shared/data")
    with gzip.open(DATA / "matbench_phonons.json.gz", "rt", encoding="utf-8") as file:
        rows = json.load(file)["data"]
    found = [from_pymatgen_dict(row[0]) for row in rows[::500]]
    for name in ("perovskites", "carbon"):
        texts = pd.read_csv(DATA / f"{name}.csv.gz", nrows=2000)["cif"][::900]
        found += [read_cif(text)[0].crystal for text in texts]
    return found


@pytest.fixture(scope="session", params=STRATEGIES)
def batch(request, crystals) -> CrystalGraph:
    return build_graph(crystals, STRATEGIES[request.param])


@pytest.fixture(scope="session", params=STRATEGIES)
def real_batch(request, real_crystals) -> CrystalGraph:
    return build_graph(real_crystals, STRATEGIES[request.param])


@pytest.fixture(scope="session")
def undirected(crystals) -> CrystalGraph:
    return build_graph(crystals, STRATEGIES["radius"])


def _assert_equal(one: Graph, other: Graph) -> None:
    assert type(one) is type(other)
    for field in dataclasses.fields(one):
        a, b = getattr(one, field.name), getattr(other, field.name)
        assert a.dtype == b.dtype, field.name
        assert torch.equal(a, b), field.name


@pytest.fixture(scope="session")
def assert_equal():
    """Compare two graphs bit by bit, dtypes too."""
    return _assert_equal
