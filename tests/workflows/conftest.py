"""A small set of crystals with targets, and a run trained on it."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

import xtalgraph
from xtalgraph.crystals import transforms
from xtalgraph.crystals.convert import from_pymatgen, to_pymatgen
from xtalgraph.crystals.writing import to_cif
from xtalgraph.evidence.pages.report import write_report
from xtalgraph.graphs.neighbors import neighbors_within
from xtalgraph.testing.crystals import contract_crystals

SMALL = ["model.width=12", "model.depth=2", "training.batch_size=8", "training.threads=1"]
"""Settings with which a training takes a second."""


def strained(count: int, seed: int = 0):
    rng = np.random.default_rng(seed)
    kinds = [c for name, c in contract_crystals().items() if name in ("cubic", "triclinic")]
    for i in range(count):
        yield transforms.strain(kinds[i % 2], np.diag(rng.uniform(-0.06, 0.06, 3)))


def make_table(count: int, seed: int = 0) -> pd.DataFrame:
    crystals = list(strained(count, seed))
    energy = [float(np.exp(-neighbors_within(c, 5.0).distance).sum()) for c in crystals]
    return pd.DataFrame(
        {
            "id": [f"c{i}" for i in range(count)],
            "cif": [to_cif(c) for c in crystals],
            "structure": [to_pymatgen(c) for c in crystals],
            "energy": energy,
            "energy_per_atom": [e / len(c) for e, c in zip(energy, crystals, strict=True)],
            "charges": [np.linspace(-1, 1, len(c)).tolist() for c in crystals],
            "fold": np.arange(count) % 3,
            "part": [["train", "train", "val", "test"][i % 4] for i in range(count)],
        }
    )


@pytest.fixture(scope="session")
def table() -> pd.DataFrame:
    return make_table(48)


@pytest.fixture(scope="session")
def csv_path(table, tmp_path_factory) -> Path:
    path = tmp_path_factory.mktemp("data") / "crystals.csv"
    table.drop(columns=["structure", "charges"]).to_csv(path, index=False)
    return path


@pytest.fixture(scope="session", autouse=True)
def quick(without_report) -> None:
    """Train without a report; a test that reads one writes it."""


@pytest.fixture(scope="session")
def run(csv_path, tmp_path_factory) -> Path:
    """A run with its report, as a training leaves it."""
    out = tmp_path_factory.mktemp("runs") / "run"
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("xtalgraph.workflows.train.write_report", write_report)
        xtalgraph.train(
            csv_path,
            target="energy",
            kind="extensive",
            unit="eV/cell",
            out=out,
            epochs=4,
            overrides=SMALL,
            progress=False,
        )
    return out


@pytest.fixture(scope="session")
def run_of_members(csv_path, tmp_path_factory) -> Path:
    """A run of three members on a total, as a training has by default."""
    out = tmp_path_factory.mktemp("runs") / "members"
    xtalgraph.train(
        csv_path,
        target="energy",
        kind="extensive",
        unit="eV/cell",
        out=out,
        epochs=2,
        members=3,
        overrides=SMALL,
        progress=False,
    )
    return out


@pytest.fixture(scope="session")
def frames(tmp_path_factory) -> Path:
    """Frames of copper and of its alloy with gold, labelled by a potential of ASE."""
    from ase.build import bulk
    from ase.calculators.emt import EMT
    from ase.io import write

    made = []
    for number in range(24):
        atoms = bulk("Cu", a=3.6 + 0.02 * (number % 5), cubic=True)
        group = ("strained", "rattled", "alloy")[number % 3]
        if group == "alloy":
            atoms.symbols[0] = "Au"
        if group != "strained":
            atoms.rattle(0.08, seed=number)
        atoms.calc = EMT()
        atoms.get_stress()
        atoms.info["config_type"] = group
        made.append(atoms)
    path = tmp_path_factory.mktemp("frames") / "frames.extxyz"
    write(path, made)
    return path


@pytest.fixture(scope="session")
def run_of_a_potential(frames, tmp_path_factory) -> Path:
    """A run of two potentials that know energies, forces and stresses."""
    out = tmp_path_factory.mktemp("runs") / "potential"
    small = ["model.width=12", "model.filters=12", "training.batch_size=24", "graph.cutoff=4.5"]
    xtalgraph.train(
        frames,
        target=["energy", "forces", "stress"],
        model="schnet",
        out=out,
        epochs=6,
        members=2,
        overrides=[
            *small,
            "training.threads=1",
            "training.batch_size=24",
            "data.test_fraction=0.4",
        ],
        progress=False,
    )
    return out


@pytest.fixture(scope="session")
def run_of_members_on_a_fold(csv_path, tmp_path_factory) -> Path:
    """A run of three members on a value per atom, tested on one of three folds."""
    out = tmp_path_factory.mktemp("runs") / "members-on-a-fold"
    xtalgraph.train(
        csv_path,
        target="energy_per_atom",
        kind="intensive",
        unit="eV/atom",
        split="folds",
        fold=1,
        out=out,
        epochs=2,
        members=3,
        overrides=[*SMALL, "graph.strategy=radius", "graph.cutoff=4.5"],
        progress=False,
    )
    return out


KNN = ["graph.strategy=knn", "graph.cutoff=5.5"]
"""Serves the crystals of `make_table`, and refuses what is stretched by 80 %."""


@pytest.fixture(scope="session")
def stretched() -> pd.DataFrame:
    """Rows like those of `make_table`, of crystals with fewer than 12 neighbours within 5.5 Å."""
    rows = make_table(2, seed=1)
    wide = [transforms.strain(from_pymatgen(s), 0.8 * np.eye(3)) for s in rows["structure"]]
    return rows.assign(
        id=["wide0", "wide1"],
        cif=[to_cif(crystal) for crystal in wide],
        structure=[to_pymatgen(crystal) for crystal in wide],
    )


@pytest.fixture(scope="session")
def knn_run(csv_path, tmp_path_factory) -> Path:
    """A run on all of the table, with a strategy that refuses what is stretched."""
    out = tmp_path_factory.mktemp("runs") / "knn"
    options = {"target": "energy", "kind": "extensive", "epochs": 2, "progress": False}
    xtalgraph.train(csv_path, out=out, overrides=[*SMALL, *KNN], **options)
    return out
