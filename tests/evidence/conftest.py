import csv
import json
from pathlib import Path

import numpy as np
import pytest

NACL = {
    "cell": [[5.64, 0, 0], [0, 5.64, 0], [0, 0, 5.64]],
    "numbers": [11, 11, 11, 11, 17, 17, 17, 17],
    "pbc": [True, True, True],
}


def rock_salt() -> dict:
    fcc = np.array([[0, 0, 0], [0, 0.5, 0.5], [0.5, 0, 0.5], [0.5, 0.5, 0]])
    fractional = np.concatenate([fcc, fcc + np.array([0.5, 0, 0])]) % 1.0
    bonds = []
    for i, here in enumerate(fractional):
        for j, there in enumerate(fractional):
            for image in np.ndindex(3, 3, 3):
                shift = np.array(image) - 1
                if abs(np.linalg.norm(there + shift - here) - 0.5) < 1e-9:
                    bonds.append([i, j, *shift.tolist()])
    return NACL | {"positions": (fractional * 5.64).tolist(), "bonds": bonds}


def estimate(value: float | None, std: float = 0.05) -> dict | None:
    if value is None:
        return None
    return {"value": value, "low": value * (1 - std), "high": value * (1 + std)}


def scores(mae: float, rank: float | None) -> dict:
    entry = {"mae": estimate(mae), "rmse": estimate(1.6 * mae), "r2": estimate(rank)}
    for key in ("spearman", "kendall", "recall@10", "recall@100", "recall@5%"):
        entry[key] = estimate(rank, 0.02)
    return entry


def write_table(path: Path, header: list[str], rows: list[list]) -> None:
    with path.open("w", encoding="utf-8", newline="") as out:
        csv.writer(out).writerows([header, *rows])


@pytest.fixture
def run(tmp_path: Path) -> Path:
    """A run folder with 200 made-up crystals, as training leaves it."""
    random = np.random.default_rng(0)
    splits = ["train"] * 140 + ["val"] * 20 + ["test"] * 40
    targets = random.normal(1.4, 0.7, 200)
    predictions = targets + random.normal(0.0, 0.05, 200)
    rows = [
        [f"row-{i}", split, float(t), float(p), "eV/cell"]
        for i, (split, t, p) in enumerate(zip(splits, targets, predictions, strict=True))
    ]
    header = ["id", "split", "target", "prediction", "unit"]
    write_table(tmp_path / "predictions.csv", header, rows)
    metrics = {
        "target": {"name": "e_form", "unit": "eV/cell", "kind": "extensive", "best": "low"},
        "splits": {"train": 140, "val": 20, "test": 40},
        "models": {
            "cgcnn": {
                "description": "CGCNN, 4 convolutions",
                "test": scores(0.043, 0.98),
                "val": {"mae": estimate(0.041)},
                "train": {"mae": estimate(0.02)},
                "seconds": 901.0,
            },
            "composition": {
                "description": "gradient boosting on element fractions",
                "test": scores(0.43, 0.7),
                "seconds": 12.0,
            },
            "mean": {
                "description": "number of atoms times the mean per atom",
                "test": scores(0.56, None),
                "seconds": 0.001,
            },
        },
        "model": "cgcnn",
    }
    (tmp_path / "metrics.json").write_text(json.dumps(metrics))
    epochs = np.arange(1, 21)
    write_table(
        tmp_path / "log.csv",
        ["epoch", "step", "learning_rate", "train_loss", "val_mae", "selected", "seconds"],
        [[e, 10 * e, 1e-3, 0.5 / e, 0.04 + 0.4 / e, int(e < 19), 2.0 * e] for e in epochs.tolist()],
    )
    (tmp_path / "config.yaml").write_text("data:\n  target: e_form\ntraining:\n  epochs: 20\n")
    model_file = {"architecture": "cgcnn", "graph": {"cutoff": 8.0}, "elements": [8, 22, 38]}
    (tmp_path / "model.json").write_text(json.dumps(model_file))
    record = {
        "run": {"command": "xtalgraph train data.csv --target e_form --out RUN", "seed": 0},
        "graph": {"cutoff": "8 Å", "neighbours": 12, "whole shells": True},
    }
    (tmp_path / "record.json").write_text(json.dumps(record))
    (tmp_path / "card.md").write_text("# Record of this run\n")
    write_table(
        tmp_path / "rejected.csv",
        ["id", "file", "row", "reason"],
        [["bad-1", "data.csv", 7, "atoms 0 and 3 are 0.12 Å apart"]],
    )
    worst = rock_salt() | {"id": "row-177", "formula": "Na4Cl4", "target": 1.2, "prediction": 1.9}
    (tmp_path / "worst.json").write_text(json.dumps([worst | {"num_atoms": 8}]))
    return tmp_path
