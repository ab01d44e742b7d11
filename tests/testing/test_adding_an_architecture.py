"""An architecture is added in three places: here a stranger's, which no file of ours names."""

import importlib.util
import json
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType

import numpy as np
import pandas as pd
import pytest
from test_contract import SIZES, signed
from torch import nn

import xtalgraph
from xtalgraph.cli.main import main
from xtalgraph.conventions.errors import ConfigError
from xtalgraph.conventions.ranges import Depth, Width, check_ranges
from xtalgraph.crystals import transforms
from xtalgraph.crystals.writing import to_cif
from xtalgraph.data.targets import Kind, Target
from xtalgraph.graphs.graph import Graph
from xtalgraph.models.encoder import Encoder, Features, Reads, Recommended
from xtalgraph.models.registry import ENCODERS
from xtalgraph.models.spec import ModelSpec
from xtalgraph.nn.element_embedding import ElementEmbedding
from xtalgraph.nn.expansion import CosineEnvelope, EdgeExpansion
from xtalgraph.nn.radial import BesselBasis
from xtalgraph.nn.segments import gather, segment_sum
from xtalgraph.testing.crystals import contract_crystals


class Strange(Encoder):
    """h_i' = h_i + Σ_j n f_c(d) (A h_j) ⊙ (B u_ij)."""

    @dataclass(frozen=True)
    class Config:
        """Hyper-parameters."""

        width: Width = 24
        """Length of an atom's vector."""
        depth: Depth = 2
        """Number of layers."""
        waves: Width = 9
        """Number of Bessel functions."""

        def __post_init__(self) -> None:
            check_ranges(self, "model")

    reads = Reads(reduced=True, mixtures=True)
    recommended = Recommended(readout="attention", members=2, weight_decay=0.03)

    def __init__(self, config: Config, cutoff: float) -> None:
        super().__init__(config, cutoff)
        self.width = width = config.width
        self.embed = ElementEmbedding(width)
        self.edges = EdgeExpansion(BesselBasis(cutoff, config.waves), CosineEnvelope(cutoff))
        self.atom_maps = nn.ModuleList(nn.Linear(width, width) for _ in range(config.depth))
        self.edge_maps = nn.ModuleList(
            nn.Linear(self.edges.size, width) for _ in range(config.depth)
        )

    def forward(self, graph: Graph) -> Features:
        """Turn a batch of crystals into features of their atoms."""
        edges = self.edges(graph, self.embed.weight.dtype)
        hidden = [self.embed(graph)]
        for atom_map, edge_map in zip(self.atom_maps, self.edge_maps, strict=True):
            message = gather(atom_map(hidden[-1]), graph.neighbor) * edge_map(edges.features)
            received = segment_sum(message * edges.weight, graph.center, len(graph.number))
            hidden.append(hidden[-1] + received)
        return Features(hidden[-1], layers=tuple(hidden))


def reloaded(path: str | Path) -> ModuleType:
    """Run a file of Python, as a process does that starts with what the registry holds."""
    spec = importlib.util.spec_from_file_location("reloaded", path)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture
def registered(monkeypatch):
    """Its line in the registry, from which the settings follow, and its size in the contract."""
    monkeypatch.setitem(ENCODERS, "strange", Strange)
    monkeypatch.setitem(SIZES, "strange", {"width": 8})


@pytest.mark.parametrize("kind", Kind)
def test_it_signs_the_contract(registered, kind):
    tolerance = 0.0 if kind is Kind.ATOMIC else 1e-3
    spec = ModelSpec(
        "strange", SIZES["strange"], "auto", "radius", {}, (Target("y", kind),), tolerance
    )
    checks = signed(spec)
    assert len({check.check for check in checks}) >= 11
    assert [check for check in checks if not check.passed] == []


def test_the_page_of_settings_has_its_table(registered):
    page = reloaded(Path(__file__).parents[2] / "scripts" / "settings_page.py").page()
    table = page.partition("### `model.name=strange`")[2].partition("###")[0]
    assert "| `model.waves` | 1 to 4,096 | `9` | Number of Bessel functions. |" in table


@pytest.fixture
def table(tmp_path):
    """Twelve crystals with a number each."""
    rng = np.random.default_rng(0)
    kinds = [contract_crystals()[name] for name in ("cubic", "triclinic")]
    strains = rng.uniform(-0.05, 0.05, 12)
    crystals = [transforms.strain(kinds[i % 2], x * np.eye(3)) for i, x in enumerate(strains)]
    frame = pd.DataFrame({"cif": [to_cif(crystal) for crystal in crystals], "y": strains})
    frame.to_csv(tmp_path / "table.csv", index=False)
    return tmp_path / "table.csv"


def test_it_is_trained_recorded_reported_used_and_verified_by_its_name(
    registered, table, tmp_path, capsys
):
    run = tmp_path / "run"
    settings = ["model.depth=1", "training.batch_size=4", "data.val_fraction=0.2"]
    xtalgraph.train(
        table,
        target="y",
        model="strange",
        out=run,
        epochs=1,
        jobs=1,
        overrides=[*settings, "data.test_fraction=0.3"],
        progress=False,
    )
    record = json.loads((run / "record.json").read_text(encoding="utf-8"))
    model, training = record["Model"], record["Training"]
    assert (model["architecture"], model["readout"]) == ("strange", "attention")
    assert (model["depth"], model["waves"]) == (1, 9)
    assert model["radial basis"] == "9 Bessel functions up to 8 Å"
    assert (training["members"], training["weight decay"]) == (2, 0.03)
    assert "Strange" in xtalgraph.report(run).read_text(encoding="utf-8")
    assert xtalgraph.verify(run, sample=2, progress=False).document["passed"] is True
    with pytest.raises(SystemExit) as ended:
        main(["predict", str(run), str(table), "--out", str(tmp_path / "new.csv"), "--quiet"])
    assert not ended.value.code
    assert len(pd.read_csv(tmp_path / "new.csv")) == 12
    with pytest.raises(ConfigError, match=r"model\.waves must be at least 1"):
        xtalgraph.train(table, target="y", model="strange", out=run, overrides=["model.waves=0"])
