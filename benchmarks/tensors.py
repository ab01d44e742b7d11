"""Dielectric tensors in five folds, beside what knows no direction; elastic tensors with intervals.

`python benchmarks/tensors.py dielectric DATA OUT [FOLD ...]` and `python benchmarks/tensors.py
elastic DATA OUT`. DATA holds `dielectric_tensors.json.gz` (901 crystals of Petousis et al., Sci.
Data 4, 160134 (2017), doi 10.1038/sdata.2016.134, 3x3 tensors and the refractive index `n`) and
`elastic_tensors.json.gz` (100 crystals of de Jong et al., Sci. Data 2, 150009 (2015), doi
10.1038/sdata.2015.9, 6x6 in GPa), in the layout of Matbench files. The folds are those of
`KFold(5, shuffle=True, random_state=18012019)`; a tenth of the other folds validates. In each fold
NequIP learns the electronic tensor, and XGN the refractive index, of which n² times the unit matrix
is an isotropic tensor. A run that is there is not trained again. One thread.
"""

import argparse
import gzip
import json
import os
import resource
import subprocess
import sys
from pathlib import Path
from typing import Any, Final

import numpy as np
import pandas as pd
from sklearn.model_selection import KFold

from xtalgraph.conventions.voigt import NAMED, from_subscripts
from xtalgraph.data.targets import Kind, Target
from xtalgraph.metrics.measures import measures_of

COMMAND: Final = "from xtalgraph.cli.main import main; main()"
DIELECTRIC: Final = Target("dielectric_electronic", Kind.INTENSIVE, tensor=NAMED["dielectric"])
TENSOR: Final = [
    *("--target", "dielectric_electronic", "--tensor", "dielectric", "--model", "nequip"),
    *("--epochs", "60", "--members", "1", "--set", "model.channels=32", "--set", "model.depth=2"),
    *("--set", "model.element_features=binned"),
    *("--set", "graph.strategy=radius", "--set", "graph.cutoff=5.0"),
    *("--set", "training.learning_rate=0.003", "--set", "training.batch_size=16"),
]
INDEX: Final = ["--target", "n", "--epochs", "60", "--members", "1"]
ELASTIC: Final = [
    *("--target", "elastic_voigt", "--tensor", "elastic", "--unit", "GPa", "--model", "nequip"),
    *("--epochs", "80", "--members", "1", "--set", "model.channels=[16,8,8,4,4]"),
    *("--set", "model.degree=4", "--set", "model.depth=2"),
    *("--set", "graph.strategy=radius", "--set", "graph.cutoff=4.5"),
    *("--set", "training.learning_rate=0.005", "--set", "training.batch_size=8"),
]
"""Settings that one core trains in minutes."""
SHOWN: Final = ("frobenius", "frobenius_share", "within_10%", "within_25%", "mean_eigenvalue",
                "anisotropy", "eigenvalue_order")  # fmt: skip


def with_folds(source: Path, out: Path) -> Path:
    """Write the table with a column ``fold``."""
    document = json.loads(gzip.decompress(source.read_bytes()))
    folds = np.zeros(len(document["data"]), dtype=int)
    divisions = KFold(5, shuffle=True, random_state=18012019).split(folds)
    for number, (_, test) in enumerate(divisions):
        folds[test] = number
    document["columns"].append("fold")
    for row, fold in zip(document["data"], folds.tolist(), strict=True):
        row.append(fold)
    path = out / source.name
    path.write_bytes(gzip.compress(json.dumps(document).encode(), 1))
    return path


def trained(table: Path, fold: int, options: list[str], name: str) -> tuple[Path, float]:
    """Train on all folds but one, unless it was done; return the run and the CPU minutes."""
    run = table.parent / f"{name}-{fold}"
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    if not (run / "manifest.json").is_file():
        command = [sys.executable, "-c", COMMAND, "train", str(table), "--out", str(run), *options]
        command += ["--split", "folds", "--fold", str(fold), "--jobs", "1", "--resume", "--quiet"]
        environment = {**os.environ, "OMP_NUM_THREADS": "1", "OMP_WAIT_POLICY": "PASSIVE"}
        subprocess.run(command, env=environment, check=True)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    seconds = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    return run, seconds / 60.0


def predicted(run: Path, name: str) -> pd.DataFrame:
    """Read what a run predicts for its test part."""
    lines = pd.read_csv(run / "predictions" / f"{name}.csv")
    return lines[lines["split"] == "test"]


def dielectric(data: Path, out: Path, folds: list[int]) -> None:
    """Train and print a table."""
    table = with_folds(data / "dielectric_tensors.json.gz", out)
    parts: dict[str, list[tuple[np.ndarray, np.ndarray]]] = {}
    for fold in folds:
        run, minutes = trained(table, fold, TENSOR, "tensor")
        lines = predicted(run, DIELECTRIC.name)
        true, tensors = (
            from_subscripts(DIELECTRIC.tensor, lines[key].to_numpy().reshape(-1, 6))
            for key in ("target", "prediction")
        )
        index_run, index_minutes = trained(table, fold, INDEX, "index")
        indices = predicted(index_run, "n").set_index("id")["prediction"]
        of_row = indices.loc[lines["id"].to_numpy()[::6]].to_numpy()
        models = {
            "NequIP": tensors,
            "n² of XGN, isotropic": of_row[:, None, None] ** 2 * np.eye(3),
            "true mean eigenvalue, isotropic": DIELECTRIC.tensor.isotropic_part(true),
        }
        for name in ("composition", "mean"):
            models[name] = baseline(table, run, name)
        for name, values in models.items():
            parts.setdefault(name, []).append((true, values))
        print(f"fold {fold}: {minutes:.0f} and {index_minutes:.0f} CPU minutes", flush=True)
    printed(parts)


def baseline(table: Path, run: Path, name: str) -> np.ndarray:
    """Fit a baseline of the run again, and predict its test part."""
    from xtalgraph.workflows.compare_baselines import fit_baselines
    from xtalgraph.workflows.run import Run

    divided = Run.open(run).data(progress=False)
    (result,) = fit_baselines(divided, divided.dataset.targets[0], seed=0, only=name)
    return result.predictions.values.of(DIELECTRIC.name, divided.split.test)


def printed(parts: dict[str, list[tuple[np.ndarray, np.ndarray]]]) -> None:
    """Print each measure as the mean over the folds, with its standard deviation."""
    measures = [measure for measure in measures_of(DIELECTRIC) if measure.key in SHOWN]
    print("| | " + " | ".join(measure.short for measure in measures) + " |")
    for name, folds in parts.items():
        cells = []
        for measure in measures:
            values = [measure.of(*pair) for pair in folds]
            std = f" ± {np.std(values, ddof=1):.2f}" if len(values) > 1 else ""
            cells.append(f"{np.mean(values):.3f}{std}")
        print(f"| {name} | " + " | ".join(cells) + " |")


def elastic(data: Path, out: Path) -> None:
    """Train one division and print every measure with its 95 % interval."""
    table = with_folds(data / "elastic_tensors.json.gz", out)
    run, minutes = trained(table, 0, ELASTIC, "elastic")
    document: dict[str, Any] = json.loads((run / "metrics.json").read_text(encoding="utf-8"))
    models = document["targets"]["elastic_voigt"]["models"]
    for name, model in models.items():
        for key, estimate in model["test"].items():
            value, low, high = (estimate[end] for end in ("value", "low", "high"))
            ends = "" if low is None else f" ({low:.3g} to {high:.3g})"
            print(f"{name}, {key}: " + ("n/a" if value is None else f"{value:.3g}{ends}"))
    print(f"{minutes:.0f} CPU minutes")


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("what", choices=("dielectric", "elastic"))
    parser.add_argument("data", type=Path)
    parser.add_argument("out", type=Path)
    parser.add_argument("folds", type=int, nargs="*", default=[0, 1, 2, 3, 4])
    given = parser.parse_args()
    given.out.mkdir(parents=True, exist_ok=True)
    if given.what == "dielectric":
        dielectric(given.data, given.out, given.folds or [0, 1, 2, 3, 4])
    else:
        elastic(given.data, given.out)
