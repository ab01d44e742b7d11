"""Members of a pre-training: where their weights are from, and who starts from them."""

import numpy as np
import pandas as pd
import pytest
import torch

import xtalgraph
from xtalgraph.crystals.crystal import Crystal
from xtalgraph.models.predictor import Predictor

SMALL = ["model.width=8", "model.edge_width=8", "model.depth=1", "data.store=false"]


@pytest.fixture(scope="module")
def frame():
    rng = np.random.default_rng(0)
    made = [
        Crystal.from_fractional(
            (3.7 + 0.05 * n) * np.eye(3), np.array([[0, 0, 0], [0.5] * 3]), rng.choice([11, 17], 2)
        )
        for n in range(20)
    ]
    volumes = [abs(np.linalg.det(crystal.cell)) for crystal in made]
    return pd.DataFrame({"id": range(20), "structure": made, "volume": volumes})


@pytest.fixture(autouse=True)
def without_page(monkeypatch):
    monkeypatch.setattr("xtalgraph.workflows.pretrain.write_pretraining_page", lambda folder: None)


def weights(run):
    members = Predictor.load(run, without_target=True).members
    return [torch.nn.utils.parameters_to_vector(m.encoder.parameters()) for m in members]


def test_members_differ_and_finetune_starts_from_each(frame, tmp_path, without_report):
    options = {"epochs": 1, "progress": False}
    for name, more in {"one": [], "two": ["training.members=2", "training.jobs=2"]}.items():
        xtalgraph.pretrain(frame, out=tmp_path / name, overrides=[*SMALL, *more], **options)
    (one,), (first, second) = weights(tmp_path / "one"), weights(tmp_path / "two")
    assert torch.equal(one, first)
    assert not torch.allclose(first, second)
    tuned = xtalgraph.finetune(
        tmp_path / "two", frame, target="volume", out=tmp_path / "tuned", no_scratch=True,
        overrides=["data.store=false", "finetuning.release=frozen"], **options,
    )  # fmt: skip
    assert all(map(torch.equal, weights(tuned.run.folder), (first, second)))
