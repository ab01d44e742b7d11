"""A total is eight times as large in a 2 × 2 × 2 cell, what is intensive stays: every readout."""

import gzip
import json
from itertools import product
from pathlib import Path

import pandas as pd
import pytest
import torch

from xtalgraph.crystals.cif import read_cif
from xtalgraph.crystals.convert import from_pymatgen_dict
from xtalgraph.crystals.crystal import Crystal
from xtalgraph.crystals.transforms import supercell
from xtalgraph.data.targets import Kind, Target
from xtalgraph.graphs.graph import Graph
from xtalgraph.models.model import Model
from xtalgraph.models.readouts import READOUTS
from xtalgraph.models.spec import ModelSpec
from xtalgraph.testing.contract import check_contract
from xtalgraph.testing.crystals import contract_crystals

DATA = Path(__file__).parents[2].parent / "shared" / "data"
CUTOFF = 4.0137
"""Å; no pair of these crystals is on the edge of it."""


def phonons() -> list[Crystal]:
    with gzip.open(DATA / "matbench_phonons.json.gz", "rt", encoding="utf-8") as file:
        return [from_pymatgen_dict(row[0]) for row in json.load(file)["data"][::200]]


def carbon() -> list[Crystal]:
    texts = pd.read_csv(DATA / "carbon.csv.gz")["cif"][::700]
    found = [read_cif(text)[0].crystal for text in texts]
    return [crystal for crystal in found if crystal is not None]


def spec_of(encoder: str, readout: str, reduction_tolerance: float = 0.0) -> ModelSpec:
    target = Target("y", READOUTS[readout].serves)
    settings = {"width": 8, "depth": 2, "basis_step": 0.5}
    if encoder == "allegro":
        settings = {"edge_width": 8, "channels": 4, "depth": 2, "hidden": 8}
    return ModelSpec(
        encoder, settings, readout, "radius", {"cutoff": CUTOFF}, (target,), reduction_tolerance
    )


def predict(model: Model, graph: Graph) -> torch.Tensor:
    (value,) = model(graph).values.values()
    return value


@pytest.fixture(scope="module", params=[phonons, carbon], ids=["phonons", "carbon"])
def real(request) -> list[Crystal]:
    if not DATA.is_dir():
        pytest.skip("needs ../shared/data")
    crystals = request.param()
    assert len({len(crystal) for crystal in crystals}) >= 3, "of different sizes"
    return crystals


OF_EDGES = [name for name, readout in READOUTS.items() if readout.reads_edges]
OF_ATOMS = [name for name in READOUTS if name not in OF_EDGES]
FOLDED = [name for name in OF_ATOMS if READOUTS[name].serves is not Kind.ATOMIC]


@pytest.mark.parametrize(
    ("encoder", "readout"),
    [*product(("cgcnn", "megnet"), OF_ATOMS), *product(("allegro",), OF_EDGES)],
)
def test_real_crystals_of_different_sizes(real, encoder, readout):
    torch.manual_seed(0)
    spec = spec_of(encoder, readout)
    model = spec.make_model().double().eval()
    with torch.no_grad():
        once = predict(model, spec.make_graph(real))
        larger = predict(model, spec.make_graph([supercell(c, (2, 2, 2)) for c in real]))
    (target,) = spec.targets
    if target.kind is Kind.ATOMIC:
        once, larger = once.sort().values, larger.sort().values
        once = once.repeat_interleave(8)
    if target.kind is Kind.EXTENSIVE:
        once = 8 * once
    torch.testing.assert_close(larger, once, rtol=1e-10, atol=1e-10)


@pytest.mark.parametrize("readout", FOLDED)
def test_every_readout_signs_the_contract_folded(readout):
    torch.manual_seed(0)
    spec = spec_of("megnet", readout, 1e-3)
    checks = check_contract(spec.make_model(), spec)
    assert [check for check in checks if not check.passed] == []


@pytest.mark.parametrize("name", ["mean", "attention", "set2set"])
def test_n_times_is_the_number_of_atoms_times_the_intensive_readout(name):
    intensive = spec_of("cgcnn", name).make_model().double().eval()
    extensive = spec_of("cgcnn", f"n-times-{name}").make_model().double().eval()
    extensive.encoder.load_state_dict(intensive.encoder.state_dict())
    readout = intensive.heads[0].readouts[0]
    extensive.heads[0].readouts[0].intensive.load_state_dict(readout.state_dict())
    crystals = list(contract_crystals().values())
    graph = spec_of("cgcnn", name).make_graph(crystals)
    expected = predict(intensive, graph) * torch.tensor([len(crystal) for crystal in crystals])
    torch.testing.assert_close(predict(extensive, graph), expected, rtol=1e-12, atol=1e-12)
