"""Learning without labels: a probe, and errors of fine-tuned models against the number of labels.

`python benchmarks/pretraining.py DATA OUT [--objectives elements,positions,cells] [--epochs 40]`

DATA holds perovskites.csv.gz, perovskites_unlabelled.csv.gz, jarvis_multi.json.gz,
dielectric_tensors.json.gz and matbench_phonons.json.gz. The encoder is pre-trained on structures
alone: all perovskites but those of fold 0, and of the two others what has a formula that no row of
the phonons has. So no structure of a test row is used, of neither target. Each fold of the phonons
is a test once; from the rest labels are drawn. What is done is kept in OUT, and the same command
goes on.
"""

import argparse
import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import torch

import xtalgraph
from xtalgraph.baselines.composition_features import composition_features, count_elements
from xtalgraph.baselines.learners import FeatureRegressor
from xtalgraph.crystals.composition import reduced_formula
from xtalgraph.data.splits import Split, official_folds
from xtalgraph.data.table import CrystalTable, read_table
from xtalgraph.evidence.probe import probe
from xtalgraph.metrics.bootstrap import interval, paired_difference
from xtalgraph.metrics.pairs import mae
from xtalgraph.models.predictor import Predictor
from xtalgraph.nn.determinism import deterministic
from xtalgraph.workflows.fit import predict_all, trainer_for
from xtalgraph.workflows.prepared import Preparations, Prepared
from xtalgraph.workflows.request import Request

SIZES = (50, 100, 200, 500)
PHONONS = ("matbench_phonons.json.gz", "last phdos peak", "intensive", "1/cm")
PEROVSKITES = ("perovskites.csv.gz", "e_form", "extensive", "eV")


def corpus(data: Path) -> pd.DataFrame:
    """Return the crystals that are learned from without labels."""
    tested = {reduced_formula(crystal) for crystal in read_table(data / PHONONS[0]).crystals}
    labelled = read_table(data / PEROVSKITES[0])
    tables = [labelled.select(np.flatnonzero(labelled.columns["fold"].to_numpy() != 0))]
    tables.append(read_table(data / "perovskites_unlabelled.csv.gz"))
    for name in ("jarvis_multi.json.gz", "dielectric_tensors.json.gz"):
        table = read_table(data / name)
        rows = [i for i, c in enumerate(table.crystals) if reduced_formula(c) not in tested]
        tables.append(table.select(rows))
    for table in tables:
        print(f"{len(table)} crystals", flush=True)
    names = [f"{n}:{name}" for n, table in enumerate(tables) for name in table.ids]
    crystals = [crystal for table in tables for crystal in table.crystals]
    return pd.DataFrame({"id": names, "structure": crystals})


def prepared_of(path: Path, target: str, kind: str, unit: str) -> tuple[Prepared, Any]:
    """Return crystals, labels and graphs of a target, and the settings."""
    options = {"target": target, "kind": kind, "unit": unit, "on_error": "skip"}
    request = Request.of(path, options)
    config = request.config({"training.members": 1})
    return Preparations(request).prepared(config), config


EPOCHS = {50: 300, 100: 150, 200: 100, 500: 60}
"""600 to 960 steps of 32 crystals, of each number of labels."""


def drawn(prepared: Prepared, fold: np.ndarray, number: int, labels: int) -> Split:
    """Draw labels from what is not in a fold, which is the test."""
    rest = np.random.default_rng([labels, number]).permutation(np.flatnonzero(fold != number))
    known = prepared.dataset.labels.known(prepared.dataset.targets[0].name)
    rest = rest[known[rest]][:labels]
    none = np.zeros(0, dtype=np.int64)
    return Split(np.sort(rest), none, np.flatnonzero((fold == number) & known), {"kind": "drawn"})


def trained(
    prepared: Prepared, config: Any, split: Split, encoder: dict[str, torch.Tensor], folder: Path
) -> np.ndarray:
    """Return what a network predicts for the test rows, from scratch where there is no encoder."""
    part = replace(prepared, divided=replace(prepared.divided, split=split))
    with deterministic(1):
        torch.manual_seed(config.training.seed)
        model = config.spec.make_model()
        model.encoder.load_state_dict({**model.encoder.state_dict(), **encoder})
        trainer_for(model, part, config.training, folder, str(folder)).fit(resume=True)
        values = predict_all(model, part).values
    return values[values.targets[0].name][split.test]


def ridge(features: np.ndarray, prepared: Prepared, split: Split) -> np.ndarray:
    """Return what ridge regression on some features predicts for the test rows."""
    target = prepared.dataset.targets[0]
    sizes, labels = prepared.dataset.labels.num_atoms, prepared.dataset.labels[target.name]
    learner = FeatureRegressor(str(target.kind), "ridge")
    learner.fit(features[split.train], sizes[split.train], labels[split.train])
    return learner.predict(features[split.test], sizes[split.test])


def vectors(table: CrystalTable, config: Any, encoder: dict[str, torch.Tensor]) -> np.ndarray:
    """Return the mean vectors of frozen atoms, of an untrained encoder where none is given."""
    spec = replace(config.spec, targets=(), readout=(), pretraining={"objectives": ["elements"]})
    torch.manual_seed(config.training.seed)
    model = spec.make_model()
    model.encoder.load_state_dict({**model.encoder.state_dict(), **encoder})
    return Predictor([model.eval()], spec, ()).predict_crystals(table.crystals).embedding


def curve(
    out: Path, name: str, prepared: Prepared, fold: np.ndarray, config: Any, encoder: dict
) -> dict[str, Any]:
    """Measure a target; each test row is predicted once for each number of labels."""
    table = prepared.dataset.table
    composition = composition_features(count_elements(table.crystals))
    filled = np.where(np.isnan(composition), np.nanmean(composition, axis=0), composition)
    frozen = {
        "ridge, pre-trained": vectors(table, config, encoder),
        "ridge, untrained": vectors(table, config, {}),
        "ridge, composition": np.nan_to_num(filled),
    }
    labels = prepared.dataset.labels[prepared.dataset.targets[0].name]
    beside = np.concatenate([frozen["ridge, pre-trained"], frozen["ridge, composition"]], axis=1)
    errors = probe({**frozen, "ridge, pre-trained and composition": beside}, labels)
    print(name, "all labels in five folds", json.dumps(errors), flush=True)
    result: dict[str, Any] = {"all": errors}
    for size in SIZES:
        predicted: dict[str, list[np.ndarray]] = {}
        truth = []
        for number in np.unique(fold[fold >= 0]).tolist():
            split = drawn(prepared, fold, number, size)
            training = replace(config.training, epochs=EPOCHS[size], batch_size=32, seed=number)
            one = replace(config, training=training)
            for arm, start in (("fine-tuned", encoder), ("from scratch", {})):
                file = out / name / f"{arm} {size} {number}.npy"
                if not file.is_file():
                    file.parent.mkdir(parents=True, exist_ok=True)
                    state = out / name / f"{arm} {size} {number}"
                    np.save(file, trained(prepared, one, split, start, state))
                predicted.setdefault(arm, []).append(np.load(file))
            for arm, features in frozen.items():
                predicted.setdefault(arm, []).append(ridge(features, prepared, split))
            truth.append(labels[split.test])
        result[str(size)] = measured(np.concatenate(truth), predicted)
        print(name, size, json.dumps(result[str(size)]), flush=True)
    return result


def measured(truth: np.ndarray, predicted: dict[str, list[np.ndarray]]) -> dict[str, Any]:
    """Return errors with 95 % intervals, and how the fine-tuned model differs from the others."""
    rows = {arm: np.concatenate(parts) for arm, parts in predicted.items()}
    found: dict[str, Any] = {}
    for arm, values in rows.items():
        ends = interval(mae, truth, values)
        found[arm] = {"mae": mae(truth, values), "low": ends.low, "high": ends.high}
        if arm != "fine-tuned":
            less = paired_difference(mae, truth, rows["fine-tuned"], values)
            found[arm] |= {"fine-tuned less": less.value, "from": less.low, "to": less.high}
    return found


def few_perovskites(data: Path, out: Path) -> Path:
    """Write 1,000 test rows of fold 0 and 600 others, from which labels are drawn."""
    path = out / "perovskites.csv"
    if not path.is_file():
        frame = pd.read_csv(data / PEROVSKITES[0])
        test, rest = frame[frame["fold"] == 0], frame[frame["fold"] != 0]
        chosen = [test.sample(1000, random_state=0), rest.sample(600, random_state=0)]
        pd.concat(chosen).to_csv(path, index=False)
    return path


def main() -> None:
    """Pre-train, then measure."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("data", type=Path)
    parser.add_argument("out", type=Path)
    parser.add_argument("--objectives", default="elements,positions,cells")
    parser.add_argument("--teacher", help="MODULE:NAME, with the objective forces")
    parser.add_argument("--epochs", type=int, default=40)
    given = parser.parse_args()
    run = given.out / "run"
    given.out.mkdir(parents=True, exist_ok=True)
    xtalgraph.pretrain(
        corpus(given.data),
        out=run,
        objectives=given.objectives.split(","),
        teacher=given.teacher,
        epochs=given.epochs,
        resume=True,
        overrides=["data.val_fraction=0.05", "data.on_error=skip"],
    )
    encoder = xtalgraph.load(run, without_target=True).members[0].encoder.state_dict()
    results = {}
    prepared, config = prepared_of(given.data / PHONONS[0], *PHONONS[1:])
    fold = official_folds(len(prepared.dataset.table))
    results["phonons"] = curve(given.out, "phonons", prepared, fold, config, encoder)
    table = few_perovskites(given.data, given.out)
    prepared, config = prepared_of(table, *PEROVSKITES[1:])
    fold = np.where(prepared.dataset.table.columns["fold"].to_numpy() == 0, 0, -1)
    results["perovskites"] = curve(given.out, "perovskites", prepared, fold, config, encoder)
    (given.out / "results.json").write_text(json.dumps(results, indent=1))


if __name__ == "__main__":
    main()
