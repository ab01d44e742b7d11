"""Does pre-training help? Error against the number of labels, fine-tuned and from fresh weights.

`python benchmarks/finetune.py DATA --out DIR` trains a parent on the formation energies of
`jarvis_multi.json.gz`, or takes the run or model that `--parent` names. It starts from it on
phonons, bulk and shear moduli, and refractive indices, with 50, 100, ... labels drawn by each of
some seeds, a tenth of which validates. Each time `xtalgraph.finetune` trains the same model from
fresh weights, too. A fixed fifth of each set is the test part. No crystal of the parent that is
trained here has the reduced formula of a test crystal, so that it has not seen their structures; of
another parent the table counts the test crystals that it was trained on, with a question mark where
it keeps no record of them. One network each, one thread; the same command goes on where it was
stopped, and prints a table of what is done.

A row of the table: mean absolute error over the seeds, fine-tuned and from scratch; the difference
with its 95 % interval by a paired bootstrap over the test crystals, of the mean error of each over
the seeds; its p-value; with how many seeds fine-tuning was better.
"""

import argparse
import gzip
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

import numpy as np
import pandas as pd

import xtalgraph
from xtalgraph.crystals.composition import reduced_formula
from xtalgraph.data.table import read_table
from xtalgraph.metrics.bootstrap import paired_difference
from xtalgraph.workflows import train as training
from xtalgraph.workflows.run import Run

PARENT: Final = ("jarvis_multi.json.gz", "formation_energy_peratom", "eV/atom")
CHILDREN: Final[dict[str, tuple[str, dict[str, str]]]] = {
    "phonons": ("matbench_phonons.json.gz", {"last phdos peak": "1/cm"}),
    "moduli": ("jarvis_multi.json.gz", {"bulk_modulus_kv": "GPa", "shear_modulus_gv": "GPa"}),
    "index": ("dielectric_tensors.json.gz", {"n": ""}),
}
"""File, and target with its unit."""
TEST: Final = 0.2
QUICK: Final = ["training.members=1", "training.threads=1", "data.store=false"]


def prepare(data: Path, out: Path) -> Path:
    """Write the tables of the parent and of each child, with a column ``part``; return the first.

    Args:
        data: Folder of the public sets.
        out: Where they are written.
    """
    names = [PARENT[0], *(file for file, _ in CHILDREN.values())]
    tables = {name: read(data / name) for name in names}
    held: set[str] = set()
    for child, (file, targets) in CHILDREN.items():
        table = tables[file].dropna(subset=list(targets)).reset_index(drop=True)
        drawn = np.random.default_rng(0).permutation(len(table))
        is_test = np.isin(np.arange(len(table)), drawn[: round(TEST * len(table))])
        table["part"] = np.where(is_test, "test", "pool")
        held |= set(table["formula"][is_test])
        write(table[["structure", "part", *targets]], out / f"{child}.json.gz")
    table = tables[PARENT[0]].dropna(subset=[PARENT[1]])
    table = table[~table["formula"].isin(held)].reset_index(drop=True)
    drawn = np.random.default_rng(1).random(len(table))
    table["part"] = np.select([drawn < 0.1, drawn < 0.2], ["val", "test"], "train")
    print(
        f"parent: {len(table)} crystals, without {len(held)} formulas of test crystals", flush=True
    )
    write(table[["structure", "part", PARENT[1]]], out / "parent.json.gz")
    return out / "parent.json.gz"


def read(path: Path) -> pd.DataFrame:
    """Read a table in the layout of Matbench, with the formula of each crystal."""
    with gzip.open(path, "rt") as file:
        document = json.load(file)
    table = pd.DataFrame(document["data"], columns=document["columns"])
    crystals = read_table(path).crystals
    return table.assign(formula=[reduced_formula(crystal) for crystal in crystals])


def write(table: pd.DataFrame, path: Path) -> None:
    """Write a table in the layout of Matbench."""
    with gzip.open(path, "wt") as file:
        json.dump(table.to_dict(orient="split"), file)


def drawn(path: Path, labels: int | None, seed: int) -> pd.DataFrame:
    """Return the test part and some labels, a tenth of which validates; None takes all."""
    with gzip.open(path, "rt") as file:
        document = json.load(file)
    table = pd.DataFrame(document["data"], columns=document["columns"])
    pool = np.random.default_rng([2, seed]).permutation(np.flatnonzero(table["part"] == "pool"))
    chosen = pool[:labels]
    table.loc[chosen, "part"] = "train"
    table.loc[chosen[: max(5, len(chosen) // 10)], "part"] = "val"
    return table[table["part"] != "pool"].reset_index(drop=True)


def runs(args: argparse.Namespace) -> Iterator[tuple[str, str, str, list[Path]]]:
    """Yield child, target, number of labels, and the runs of all seeds, as they are done."""
    for labels in args.labels:
        for child in args.children:
            folders = []
            for seed in range(args.seeds):
                folder = args.out / "runs" / f"{child}-{labels}-{seed}"
                if not (folder / "transfer.json").is_file():
                    start(args, child, None if labels == "all" else int(labels), seed, folder)
                folders.append(folder)
            for target in CHILDREN[child][1]:
                yield child, target, labels, folders


def start(args: argparse.Namespace, child: str, labels: int | None, seed: int, out: Path) -> None:
    """Fine-tune the parent to some labels of a child, beside fresh weights."""
    out.parent.mkdir(parents=True, exist_ok=True)
    table = out.with_suffix(".json.gz")
    if not table.is_file():
        write(drawn(args.out / f"{child}.json.gz", labels, seed), table)
    targets = CHILDREN[child][1]
    xtalgraph.finetune(
        args.parent,
        table,
        out=out,
        target=list(targets),
        unit=list(targets.values()),
        kind="intensive",
        split="column:part",
        seed=seed,
        depth=args.depth,
        resume=True,
        progress=False,
        overrides=[*QUICK, *args.options],
    )


def row(child: str, target: str, labels: str, folders: list[Path]) -> str:
    """Return a row of the table."""
    errors, means = {"finetuned": [], "scratch": []}, []
    for folder in folders:
        for name, place in (("finetuned", folder), ("scratch", folder / "scratch")):
            table = Run.open(place).predictions[target]
            table = table[(table["split"] == "test") & table["target"].notna()]
            errors[name].append((table["prediction"] - table["target"]).abs().to_numpy())
        means.append([errors[name][-1].mean() for name in errors])
    first, second = (np.mean(errors[name], axis=0) for name in errors)
    zeros = np.zeros(len(first))
    paired = paired_difference(lambda _, values: float(values.mean()), zeros, first, second)
    better = sum(tuned < fresh for tuned, fresh in means)
    values = f"{first.mean():.4g} | {second.mean():.4g} | {paired.value:.3g}"
    interval = f"{paired.low:.3g} to {paired.high:.3g} | {paired.p:.3g}"
    known = json.loads((folders[0] / "transfer.json").read_text(encoding="utf-8"))["known"]
    seen = known["rows"] if known["checked"] else "?"
    counts = f"{better} of {len(means)} | {seen} of {known['of']}"
    return f"| {child} | {target} | {labels} | {values} | {interval} | {counts} |"


def main() -> None:
    """Train what is missing, and print the table."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("data", type=Path)
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--parent", help="a run, or the name of a model")
    parser.add_argument("--children", nargs="+", default=list(CHILDREN))
    parser.add_argument("--labels", nargs="+", default=["50", "100", "200", "500", "all"])
    parser.add_argument("--seeds", type=int, default=5)
    parser.add_argument("--depth", default="full")
    parser.add_argument("--options", nargs="*", default=[], help="overrides of settings")
    args: Any = parser.parse_args()
    args.out.mkdir(parents=True, exist_ok=True)
    training.write_report = lambda folder: folder  # drawing it takes longer than the training
    parent = args.out / "parent.json.gz"
    if not parent.is_file():
        prepare(args.data, args.out)
    if args.parent is None:
        args.parent = args.out / "parent"
        training.train(
            parent,
            out=args.parent,
            target=PARENT[1],
            unit=PARENT[2],
            kind="intensive",
            split="column:part",
            resume=True,
            progress=False,
            overrides=QUICK,
        )
    head = ("set", "target", "labels", "fine-tuned", "scratch", "difference", "95 %", "p", "better")
    head = (*head, "known")
    print("| " + " | ".join(head) + " |\n" + "|---" * len(head) + "|", flush=True)
    for done in runs(args):
        print(row(*done), flush=True)


if __name__ == "__main__":
    main()
