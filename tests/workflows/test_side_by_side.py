"""Trainings side by side give what they give in turn, to the bit."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

import xtalgraph

SMALL = ["model.width=12", "model.depth=2", "training.batch_size=8"]
PREDICTED = ("predictions/energy.csv", "model.safetensors", "members/1/model.safetensors")


def trained(data: object, out: Path, jobs: int, **options: object) -> Path:
    given = {"target": "energy", "kind": "extensive", "epochs": 2, "overrides": SMALL}
    xtalgraph.train(data, out=out, jobs=jobs, progress=False, **{**given, **options})
    return out


@pytest.mark.parametrize(
    "overrides",
    [
        pytest.param([], id="in memory"),
        pytest.param(["data.memory_gb=0", "training.precision=64-true"], id="from a store, double"),
    ],
)
def test_members_are_the_same_to_the_bit(csv_path, tmp_path, overrides):
    runs = [
        trained(csv_path, tmp_path / str(jobs), jobs, members=2, overrides=[*SMALL, *overrides])
        for jobs in (1, 2)
    ]
    for name in PREDICTED:
        one, other = ((run / name).read_bytes() for run in runs)
        assert one == other, name
    assert "jobs: 2" in (runs[1] / "config.yaml").read_text()
    trained(csv_path, runs[1], 1, members=2, overrides=[*SMALL, *overrides], resume=True)


@pytest.mark.long
def test_points_rungs_and_trials_are_the_same_to_the_bit(csv_path, tmp_path):
    given = {"target": "energy", "kind": "extensive", "epochs": 2, "overrides": SMALL}
    found: dict[int, list[pd.DataFrame | dict]] = {}
    for jobs in (1, 2):
        out, options = tmp_path / str(jobs), {**given, "jobs": jobs, "progress": False}
        swept = xtalgraph.ablate(
            csv_path, out=out / "grid", sweep={"model.depth": [1, 2]}, **options
        )
        compared = xtalgraph.compare(
            csv_path,
            out=out / "compared",
            split="folds",
            models=["cgcnn"],
            baselines=["mean", "composition"],
            **options,
        )
        tuned = xtalgraph.tune(
            csv_path, out=out / "tuned", trials=3, space=["model.depth=1..2"], **options
        )
        found[jobs] = [
            swept.table.drop(columns="seconds"),
            compared.table.drop(columns="seconds"),
            pd.DataFrame([one["validation error"] for one in tuned.trials]),
        ]
        assert np.isfinite(found[jobs][2].to_numpy()).all()
    for one, other in zip(*found.values(), strict=True):
        pd.testing.assert_frame_equal(one, other)
