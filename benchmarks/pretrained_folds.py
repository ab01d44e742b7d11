"""The five official folds of the phonons: fine-tuned from pre-trained encoders, and from scratch.

`python benchmarks/pretrained_folds.py DATA OUT`

DATA holds jarvis_multi.json.gz, dielectric_tensors.json.gz, perovskites_unlabelled.csv.gz and
matbench_phonons.json.gz. Three encoders learn from the structures of the first three alone, less
those whose formula a row of the phonons has: no structure of the phonons is used before the
fine-tuning. Both sides have the default settings. The same command goes on where it was stopped.
"""

import argparse
import json
from pathlib import Path
from typing import Any, Final

import pandas as pd

import xtalgraph
from xtalgraph.crystals.composition import reduced_formula
from xtalgraph.data.table import read_table
from xtalgraph.metrics.bootstrap import interval, paired_difference
from xtalgraph.metrics.pairs import mae
from xtalgraph.workflows.finetune import SCRATCH
from xtalgraph.workflows.run import Run

PHONONS: Final = "matbench_phonons.json.gz"
TARGET: Final = "last phdos peak"
SOURCES: Final = (
    "jarvis_multi.json.gz",
    "dielectric_tensors.json.gz",
    "perovskites_unlabelled.csv.gz",
)


def corpus(data: Path) -> pd.DataFrame:
    """Return the crystals that are learned from without labels."""
    tested = {reduced_formula(crystal) for crystal in read_table(data / PHONONS).crystals}
    rows = []
    for source in SOURCES:
        table = read_table(data / source)
        for name, crystal in zip(table.ids, table.crystals, strict=True):
            if reduced_formula(crystal) not in tested:
                rows.append({"id": f"{source}:{name}", "structure": crystal})
    return pd.DataFrame(rows)


def predicted(run: Run) -> pd.DataFrame:
    """Return the test rows of a run."""
    table = run.predictions[TARGET]
    return table[table["split"] == "test"].set_index("id")[["target", "prediction"]]


def compared(folds: list[tuple[Run, Run]]) -> dict[str, Any]:
    """Return errors with 95 % intervals over the test rows of folds, and the paired difference."""
    tuned, scratch = (pd.concat(map(predicted, runs)) for runs in zip(*folds, strict=True))
    truth = tuned["target"].to_numpy()
    values = [side["prediction"].reindex(tuned.index).to_numpy() for side in (tuned, scratch)]
    errors: dict[str, Any] = {"rows": len(truth)}
    for name, prediction in zip(("fine-tuned", "from scratch"), values, strict=True):
        ends = interval(mae, truth, prediction)
        errors[name] = {"mae": mae(truth, prediction), "low": ends.low, "high": ends.high}
    less = paired_difference(mae, truth, *values)
    errors["difference"] = {"mae": less.value, "low": less.low, "high": less.high, "p": less.p}
    return errors


def main() -> None:
    """Pre-train, fine-tune in folds, and print errors of the fold and of all so far."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("data", type=Path)
    parser.add_argument("out", type=Path)
    parser.add_argument("--objectives", default="elements,positions,cells")
    parser.add_argument("--teacher", help="MODULE:NAME, for the objective forces")
    parser.add_argument("--epochs", type=int, default=15, help="of the pre-training")
    parser.add_argument("--members", type=int, default=3)
    parser.add_argument("--folds", type=int, nargs="*", default=[0, 1, 2, 3, 4])
    given = parser.parse_args()
    given.out.mkdir(parents=True, exist_ok=True)
    members = f"training.members={given.members}"
    parent = xtalgraph.pretrain(
        corpus(given.data),
        out=given.out / "pretrained",
        objectives=given.objectives.split(","),
        teacher=given.teacher,
        epochs=given.epochs,
        resume=True,
        on_error="skip",
        overrides=["data.val_fraction=0.05", members, "pretraining.copies=1"],
    )
    print("losses of the first member", json.dumps(parent.losses), flush=True)
    folds: list[tuple[Run, Run]] = []
    for number in given.folds:
        tuned = xtalgraph.finetune(
            parent.folder,
            given.data / PHONONS,
            target=TARGET,
            unit="1/cm",
            split="folds",
            fold=number,
            out=given.out / f"fold{number}",
            resume=True,
        )
        folds.append((tuned.run, Run.open(tuned.run.folder / SCRATCH)))
        print("fold", number, json.dumps(compared(folds[-1:])), flush=True)
        print("so far", json.dumps(compared(folds)), flush=True)


if __name__ == "__main__":
    main()
