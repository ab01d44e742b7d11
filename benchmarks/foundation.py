"""Few labels: vectors of a foundation model beside a network from fresh weights.

`python benchmarks/foundation.py DATA --out OUT [--labels 50 100 200 500 all] [--seeds 5]`

The sets, targets, test parts and draws of labels are those of `benchmarks/finetune.py`. The vectors
of CHGNet (`pip install 'xtalgraph[chgnet]'`), means over the atoms, are computed once; a Gaussian
process and ridge regression learn from all labels of a draw. XGN, one network on one thread, starts
from fresh weights and selects its checkpoint with a tenth of them. CHGNet was trained on energies,
forces, stresses and moments of the Materials Project, and may know structures of the test part; it
does not know these labels. Trees on the composition stand beside. The same command goes on where it
was stopped.

A row of the table: target, labels, mean absolute errors over the draws; the difference of the
process and the network with its 95 % interval by a paired bootstrap over the test crystals, of the
mean error of each over the draws; its p-value; with how many draws the process was better.
"""

import argparse
import gzip
import json
from functools import cache
from pathlib import Path
from typing import Any, Final

import numpy as np
import pandas as pd
from finetune import CHILDREN, QUICK, drawn, prepare, write

import xtalgraph
from xtalgraph.baselines.chgnet import CHGNetVectors
from xtalgraph.baselines.composition import CompositionBaseline
from xtalgraph.baselines.composition_features import count_elements
from xtalgraph.baselines.learners import FeatureRegressor
from xtalgraph.data.table import read_table
from xtalgraph.metrics.bootstrap import paired_difference
from xtalgraph.workflows import train as training

LEARNERS: Final = ("gp", "ridge", "composition", "xgn")
"""The columns of the table."""


def numbered(path: Path) -> Path:
    """Write a table with the number of each row, which a draw keeps; return where."""
    out = path.with_name(f"numbered-{path.name}")
    if not out.is_file():
        with gzip.open(path, "rt") as file:
            document = json.load(file)
        table = pd.DataFrame(document["data"], columns=document["columns"])
        write(table.assign(row=range(len(table))), out)
    return out


@cache
def features_of(path: Path) -> tuple[np.ndarray, np.ndarray]:
    """Return the vectors of CHGNet of all rows of a table, and how many atoms of each element."""
    crystals, kept = read_table(path).crystals, path.with_name(f"{path.name}.npy")
    if not kept.is_file():
        np.save(kept, CHGNetVectors().describe(crystals, []))
    return np.load(kept), count_elements(crystals)


def errors(
    path: Path, labels: int | None, seed: int, out: Path, options: list[str]
) -> dict[str, dict[str, np.ndarray]]:
    """Return the absolute errors of the test part by target and learner, of one draw of labels."""
    table, targets = drawn(path, labels, seed), CHILDREN[child_of(path)][1]
    vectors, counts = features_of(path)
    rows, is_test = table["row"].to_numpy(), (table["part"] == "test").to_numpy()
    data = out.with_suffix(".json.gz")
    if not data.is_file():
        write(table, data)
    run = xtalgraph.train(
        data,
        out=out,
        target=list(targets),
        unit=list(targets.values()),
        kind="intensive",
        split="column:part",
        seed=seed,
        resume=True,
        progress=False,
        overrides=[*QUICK, *options],
    )
    found: dict[str, dict[str, np.ndarray]] = {}
    for target in targets:
        values, one = table[target].to_numpy(dtype=float), np.ones(len(table))
        predicted = run.predictions[target]
        predicted = predicted[predicted["split"] == "test"]["prediction"].to_numpy()
        learned = {"xgn": np.abs(predicted - values[is_test])}
        for name in ("gp", "ridge"):
            learner = FeatureRegressor("intensive", name, seed)
            learner.fit(vectors[rows[~is_test]], one[~is_test], values[~is_test])
            guess = learner.predict(vectors[rows[is_test]], one[is_test])
            learned[name] = np.abs(guess - values[is_test])
        trees = CompositionBaseline("intensive", seed)
        trees.fit(counts[rows[~is_test]], values[~is_test])
        learned["composition"] = np.abs(trees.predict(counts[rows[is_test]]) - values[is_test])
        found[target] = learned
    return found


def child_of(path: Path) -> str:
    """Return the name of a set from that of its table."""
    return path.name.removeprefix("numbered-").removesuffix(".json.gz")


def row(target: str, labels: str, draws: list[dict[str, np.ndarray]]) -> str:
    """Return a row of the table."""
    means = {name: np.mean([draw[name] for draw in draws], axis=0) for name in draws[0]}
    zeros = np.zeros(len(means["xgn"]))
    paired = paired_difference(
        lambda _, values: float(values.mean()), zeros, means["gp"], means["xgn"]
    )
    better = sum(draw["gp"].mean() < draw["xgn"].mean() for draw in draws)
    values = " | ".join(f"{means[name].mean():.4g}" for name in LEARNERS)
    interval = f"{paired.value:.3g} | {paired.low:.3g} to {paired.high:.3g} | {paired.p:.3g}"
    return f"| {target} | {labels} | {values} | {interval} | {better} of {len(draws)} |"


def main() -> None:
    """Train what is missing, and print the table."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("data", type=Path)
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--children", nargs="+", default=list(CHILDREN))
    parser.add_argument("--labels", nargs="+", default=["50", "100", "200", "500", "all"])
    parser.add_argument("--seeds", type=int, default=5)
    parser.add_argument("--options", nargs="*", default=[], help="overrides of settings")
    args: Any = parser.parse_args()
    (args.out / "runs").mkdir(parents=True, exist_ok=True)
    training.write_report = lambda folder: folder  # drawing it takes longer than the training
    if not (args.out / "parent.json.gz").is_file():
        prepare(args.data, args.out)
    head = ("target", "labels", *LEARNERS, "difference", "95 %", "p", "better")
    print("| " + " | ".join(head) + " |\n" + "|---" * len(head) + "|", flush=True)
    for labels in args.labels:
        for child in args.children:
            path, draws = numbered(args.out / f"{child}.json.gz"), []
            for seed in range(args.seeds):
                out = args.out / "runs" / f"{child}-{labels}-{seed}"
                count = None if labels == "all" else int(labels)
                draws.append(errors(path, count, seed, out, args.options))
            for target in CHILDREN[child][1]:
                print(row(target, labels, [draw[target] for draw in draws]), flush=True)


if __name__ == "__main__":
    main()
