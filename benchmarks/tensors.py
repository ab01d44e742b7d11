"""Dielectric tensors in five folds, beside what knows no direction; elastic tensors with intervals.

`python benchmarks/tensors.py dielectric DATA OUT [FOLD ...]` and `python benchmarks/tensors.py
elastic DATA OUT [FOLD ...]`. DATA holds `dielectric_tensors.json.gz` (901 crystals of Petousis et
al., Sci. Data 4, 160134 (2017), doi 10.1038/sdata.2016.134, 3x3 tensors and the refractive index
`n`) and `elastic_tensors.json.gz` (100 crystals of de Jong et al., Sci. Data 2, 150009 (2015), doi
10.1038/sdata.2015.9, 6x6 in GPa), in the layout of Matbench files. The folds are those of `KFold(5,
shuffle=True, random_state=18012019)`, of elastic tensors also of the next seeds; a tenth of the
other folds validates. In each fold NequIP learns the tensor, and of dielectric tensors XGN the
refractive index, of which n² times the unit matrix is an isotropic tensor. A run that is there is
not trained again. One thread.

`--parents energies dielectric structures` fine-tunes to elastic tensors, too: from the same network
that has learned formation energies (`jarvis_multi.json.gz`, in DATA, too), dielectric tensors, or
the structures of both without a label. Crystals with the formula of an elastic tensor are left out
there. The fine-tuned networks have the folds and the settings of those from fresh weights.
"""

import argparse
import gzip
import json
import os
import resource
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Final

import numpy as np
import pandas as pd
from sklearn.model_selection import KFold

from xtalgraph.conventions.voigt import NAMED, from_subscripts, subscripts
from xtalgraph.crystals.composition import reduced_formula
from xtalgraph.data.table import read_table
from xtalgraph.data.targets import Kind, Target
from xtalgraph.metrics.bootstrap import compare_paired
from xtalgraph.metrics.measures import measures_of
from xtalgraph.metrics.summary import evaluate
from xtalgraph.metrics.tensors import norms

COMMAND: Final = "from xtalgraph.cli.main import main; main()"
STIFFNESS: Final = Target("elastic_voigt", Kind.INTENSIVE, "GPa", tensor=NAMED["elastic"])
DIELECTRIC: Final = Target("dielectric_electronic", Kind.INTENSIVE, tensor=NAMED["dielectric"])
TENSOR: Final = [
    *("--target", "dielectric_electronic", "--tensor", "dielectric", "--model", "nequip"),
    *("--epochs", "40", "--members", "1", "--set", "model.channels=32", "--set", "model.depth=2"),
    *("--set", "model.element_features=binned", "--set", "model.parity=false"),
    *("--set", "training.relative=true"),
    *("--set", "graph.strategy=radius", "--set", "graph.cutoff=5.0"),
    *("--set", "training.learning_rate=0.003", "--set", "training.batch_size=16"),
]
INDEX: Final = ["--target", "n", "--epochs", "60", "--members", "1"]
DEGREE_4: Final = [
    *("--model", "nequip", "--set", "model.channels=[32,4,8,4,4]", "--set", "model.degree=4"),
    *("--set", "model.depth=2", "--set", "model.parity=false"),
    *("--set", "model.element_features=binned"),
    *("--set", "graph.strategy=radius", "--set", "graph.cutoff=4.5"),
]
ELASTIC: Final = [
    *("--target", "elastic_voigt", "--tensor", "elastic", "--unit", "GPa", "--epochs", "40"),
    *("--set", "training.relative=true", "--set", "training.learning_rate=0.005"),
    *("--set", "training.batch_size=8"),
]
"""Settings that one core trains in minutes."""
ENERGIES: Final = ("jarvis_multi.json.gz", "formation_energy_peratom")
PARENTS: Final = {
    "energies": [
        *("train", "--target", ENERGIES[1], "--unit", "eV/atom", "--epochs", "10"),
        *("--set", "data.test_fraction=0.05", "--set", "training.batch_size=8"),
    ],
    "dielectric": [
        *("train", "--target", "dielectric_electronic", "--tensor", "dielectric"),
        *("--set", "training.relative=true", "--epochs", "10"),
        *("--set", "data.test_fraction=0.05", "--set", "training.batch_size=8"),
    ],
    "structures": [
        *("pretrain", "--epochs", "10", "--set", "data.val_fraction=0.05"),
        *("--set", "training.batch_size=16"),
    ],
}
"""How the encoders learn from which elastic tensors are fine-tuned."""
ALONE: Final = ("--on-error", "skip", "--set", "training.jobs=1")
SEED: Final = 18012019
SHOWN: Final = ("frobenius", "frobenius_share", "within_10%", "within_25%", "mean_eigenvalue",
                "anisotropy", "eigenvalue_order")  # fmt: skip
MODULI: Final = ("frobenius", "frobenius_share", "within_10%", "within_25%", "bulk_hill",
                 "shear_hill", "young_hill")  # fmt: skip


def with_folds(source: Path, out: Path, seed: int = SEED) -> Path:
    """Write the table with a column ``fold``, unless it is there."""
    path = out / source.name
    if path.is_file():
        return path
    document = json.loads(gzip.decompress(source.read_bytes()))
    folds = np.zeros(len(document["data"]), dtype=int)
    divisions = KFold(5, shuffle=True, random_state=seed).split(folds)
    for number, (_, test) in enumerate(divisions):
        folds[test] = number
    document["columns"].append("fold")
    for row, fold in zip(document["data"], folds.tolist(), strict=True):
        row.append(fold)
    path.write_bytes(gzip.compress(json.dumps(document).encode(), 1))
    return path


def ran(run: Path, verb: str, *options: str) -> float:
    """Run a verb that writes a run, unless it was done; return the CPU minutes."""
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    if not (run / "manifest.json").is_file():
        command = [sys.executable, "-c", COMMAND, verb, *options, "--out", str(run)]
        environment = {**os.environ, "OMP_NUM_THREADS": "1", "OMP_WAIT_POLICY": "PASSIVE"}
        subprocess.run([*command, "--resume", "--quiet"], env=environment, check=True)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    seconds = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    return seconds / 60.0


def trained(table: Path, fold: int, options: list[str], name: str) -> tuple[Path, float]:
    """Train on all folds but one, unless it was done; return the run and the CPU minutes."""
    run = table.parent / f"{name}-{fold}"
    division = ("--split", "folds", "--fold", str(fold), "--jobs", "1")
    return run, ran(run, "train", str(table), *options, *division)


def finetuned(parent: Path, table: Path, fold: int) -> tuple[Path, float]:
    """The same from the weights of a parent, with the settings of `ELASTIC`."""
    run = table.parent / f"{parent.name}-{fold}"
    division = ("--split", "folds", "--fold", str(fold), "--jobs", "1", "--no-scratch")
    return run, ran(run, "finetune", str(parent), str(table), *ELASTIC, *division)


def parent_of(data: Path, out: Path, name: str, members: int) -> Path:
    """Train a parent of networks of elastic tensors, unless it was done."""
    held = {reduced_formula(c) for c in read_table(data / "elastic_tensors.json.gz").crystals}
    both = [ENERGIES[0], "dielectric_tensors.json.gz"]
    files = {"energies": both[:1], "dielectric": both[1:]}.get(name, both)
    tables = [str(without(data / file, held, out)) for file in files]
    verb, *options = PARENTS[name]
    count = ("--set", f"training.members={members}")
    minutes = ran(out / name, verb, *tables, *options, *DEGREE_4, *ALONE, *count)
    print(f"parent {name}: {minutes:.1f} CPU minutes", flush=True)
    return out / name


def without(source: Path, formulas: set[str], out: Path) -> Path:
    """Write the rows of a table whose crystals have none of some formulas, unless it is there."""
    path = out / source.name
    if not path.is_file():
        document = json.loads(gzip.decompress(source.read_bytes()))
        crystals = read_table(source).crystals
        kept = [reduced_formula(crystal) not in formulas for crystal in crystals]
        document = {
            **document,
            "index": [n for n, keep in zip(document["index"], kept, strict=True) if keep],
            "data": [row for row, keep in zip(document["data"], kept, strict=True) if keep],
        }
        print(f"{source.name}: {len(document['data'])} of {len(kept)} rows are left", flush=True)
        path.write_bytes(gzip.compress(json.dumps(document).encode(), 1))
    return path


def predicted(run: Path, target: Target) -> tuple[np.ndarray, np.ndarray, list[str]]:
    """Read what a run predicts for its test part: true tensors, predicted ones, and their ids."""
    lines = pd.read_csv(run / "predictions" / f"{target.name}.csv")
    lines = lines[lines["split"] == "test"]
    if not target.is_tensor:
        return lines["target"].to_numpy(), lines["prediction"].to_numpy(), list(lines["id"])
    count = len(subscripts(target.tensor))
    true, tensors = (
        from_subscripts(target.tensor, lines[key].to_numpy().reshape(-1, count))
        for key in ("target", "prediction")
    )
    return true, tensors, list(lines["id"])[::count]


def beside(run: Path, target: Target) -> dict[str, np.ndarray]:
    """Fit the baselines of the run again, and predict its test part."""
    from xtalgraph.workflows.compare_baselines import fit_baselines
    from xtalgraph.workflows.run import Run

    divided = Run.open(run).data(progress=False)
    results = fit_baselines(divided, divided.dataset.targets[0], seed=0)
    test = divided.split.test
    return {result.name: result.predictions.values.of(target.name, test) for result in results}


def largest_anisotropy(run: Path) -> str:
    """Say how far the predicted tensors of the cubic test crystals are from isotropic ones."""
    from xtalgraph.crystals.tensor_symmetry import Symmetry
    from xtalgraph.workflows.run import Run

    opened = Run.open(run)
    divided = opened.data(progress=False)
    drawn = np.random.default_rng(0).normal(size=(1, 3, 3))
    drawn = drawn + drawn.swapaxes(1, 2)
    cubic = []
    for row in divided.split.test.tolist():
        symmetry = Symmetry.of(divided.dataset.table.crystals[row])
        kept = np.linalg.eigvalsh(symmetry.project(DIELECTRIC.tensor, drawn, False))
        if np.ptp(kept) < 1e-6:
            cubic.append(symmetry)
    shares = []
    for crystals in ([s.crystal for s in cubic], [s.enforced() for s in cubic]):
        found = opened.predictor.predict_crystals(crystals).predictions.values
        tensors = found[DIELECTRIC.name]
        shares.append((np.ptp(np.linalg.eigvalsh(tensors), axis=1) / norms(tensors)).max())
    return (
        f"{len(cubic)} cubic crystals: eigenvalues differ by at most {shares[0]:.1e} of the norm, "
        f"{shares[1]:.1e} with the symmetry to the last digit"
    )


def dielectric(data: Path, out: Path, folds: list[int]) -> None:
    """Train and print a table."""
    table = with_folds(data / "dielectric_tensors.json.gz", out)
    parts: list[dict[str, np.ndarray]] = []
    for fold in folds:
        run, minutes = trained(table, fold, TENSOR, "tensor")
        true, tensors, ids = predicted(run, DIELECTRIC)
        index_run, index_minutes = trained(table, fold, INDEX, "index")
        _, indices, rows = predicted(index_run, Target("n", Kind.INTENSIVE))
        of_row = pd.Series(indices, rows).loc[ids].to_numpy()
        parts.append(
            {
                "true": true,
                "NequIP": tensors,
                "n² of XGN, isotropic": of_row[:, None, None] ** 2 * np.eye(3),
                **{f"{name}, isotropic": of for name, of in beside(run, DIELECTRIC).items()},
                "true mean eigenvalue, isotropic": DIELECTRIC.tensor.isotropic_part(true),
            }
        )
        print(f"fold {fold}: {minutes:.1f} and {index_minutes:.1f} CPU minutes")
        print(largest_anisotropy(run), flush=True)
    printed(DIELECTRIC, parts, SHOWN)


def elastic(given: argparse.Namespace, folds: list[int]) -> None:
    """Train on folds, drawn several times, and print what can be concluded."""
    data, out, parts = given.data, given.out, []
    encoders = [parent_of(data, out, name, given.members) for name in given.parents]
    options = [*DEGREE_4, *ELASTIC, "--members", str(given.members)]
    for repeat in range(given.repeats):
        folder = out / f"elastic-{repeat}"
        folder.mkdir(exist_ok=True)
        table = with_folds(data / "elastic_tensors.json.gz", folder, SEED + repeat)
        for fold in folds:
            run, minutes = trained(table, fold, options, "elastic")
            true, tensors, _ = predicted(run, STIFFNESS)
            isotropic = STIFFNESS.tensor.isotropic_part(true)
            named = {f"{name}, isotropic": of for name, of in beside(run, STIFFNESS).items()}
            later = {}
            for encoder in encoders:
                child, more = finetuned(encoder, table, fold)
                later[f"NequIP from {encoder.name}"] = predicted(child, STIFFNESS)[1]
                print(f"from {encoder.name}, fold {fold}: {more:.1f} CPU minutes", flush=True)
            models = {"NequIP": tensors, **later, **named, "true isotropic": isotropic}
            parts.append({"true": true, **models})
            print(f"repeat {repeat}, fold {fold}: {minutes:.1f} CPU minutes", flush=True)
        print(f"repeat {repeat}")
        printed(STIFFNESS, parts[-len(folds) :], MODULI)


def printed(target: Target, parts: list[dict[str, np.ndarray]], shown: Sequence[str]) -> None:
    """Print each measure over the test parts of all folds, with its 95 % interval.

    Then come the mean and the standard deviation over the folds, and what the first model has less
    than each other one, by a paired bootstrap over all rows.
    """
    measures = [measure for measure in measures_of(target) if measure.key in shown]
    whole = {name: np.concatenate([part[name] for part in parts]) for name in parts[0]}
    true = whole.pop("true")
    print(f"{len(true)} rows | " + " | ".join(measure.short for measure in measures))
    for name, values in whole.items():
        of = evaluate(target, true, values, only=shown)
        cells = []
        for measure in measures:
            figures = of[measure.key]
            each = [measure.of(part["true"], part[name]) for part in parts]
            cells.append(
                f"{figures.value:.3g} ({figures.low:.3g} to {figures.high:.3g}; folds "
                f"{np.mean(each):.3g} ± {np.std(each, ddof=1) if len(each) > 1 else 0.0:.2g})"
            )
        print(f"{name} | " + " | ".join(cells))
    first, *others = whole
    for other in others:
        for measure in measures:
            against = compare_paired(measure, target, true, whole[first], whole[other])
            numbers = " ".join(
                f"{key} {value:.3g}" for key, value in against.items() if isinstance(value, float)
            )
            print(f"{first} less {other}, {measure.short}: {numbers}, {against['outcome']}")


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("what", choices=("dielectric", "elastic"))
    parser.add_argument("data", type=Path)
    parser.add_argument("out", type=Path)
    parser.add_argument("folds", type=int, nargs="*", default=[0, 1, 2, 3, 4])
    parser.add_argument("--repeats", type=int, default=1, help="of the folds of elastic tensors")
    parser.add_argument("--members", type=int, default=3, help="networks, of elastic tensors")
    parser.add_argument("--parents", nargs="+", choices=PARENTS, default=[], help="of elastic")
    given = parser.parse_args()
    given.out.mkdir(parents=True, exist_ok=True)
    folds = given.folds or [0, 1, 2, 3, 4]
    if given.what == "dielectric":
        dielectric(given.data, given.out, folds)
    else:
        elastic(given, folds)
