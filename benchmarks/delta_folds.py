"""The official folds of the perovskites, with energies of CHGNet as another calculation.

`python benchmarks/delta_folds.py DATA OUT [--folds 0 1 2 3 4] [--energies]`

DATA holds perovskites.csv.gz. The energy of each crystal as it is, eV/atom, is computed by CHGNet
(`pip install 'xtalgraph[chgnet]'`) and kept in OUT/perovskites.csv.gz, ten minutes of a
core. Then each fold is trained with five members, of which two learn the difference
(`data.delta_members=half`), and otherwise the settings of the four members in
`benchmarks/results/accuracy.md`. Errors are printed with 95 % intervals, with those of the two
kinds of members beside them. `--energies` stops before the training. The same command goes on
where it was stopped.
"""

import argparse
import warnings
from pathlib import Path
from typing import Any, Final

import numpy as np
import pandas as pd
from tqdm import tqdm

import xtalgraph
from xtalgraph.crystals.convert import to_pymatgen
from xtalgraph.data.table import read_table
from xtalgraph.metrics.bootstrap import interval
from xtalgraph.metrics.pairs import mae
from xtalgraph.models.predictor import Predictor
from xtalgraph.workflows.run import Run

NAME: Final = "perovskites.csv.gz"
COLUMN: Final = "chgnet"
CHUNK: Final = 640
SETTINGS: Final = (
    "training.batch_size=32",
    "training.weight_decay=0.01",
    "training.threads=1",
    "graph.max_neighbors=24",
    "data.val_fraction=0",
    f"data.delta={COLUMN}",
    "data.delta_members=half",
)


def with_energies(source: Path, out: Path) -> Path:
    """Write the table with the energies of CHGNet, eV/atom; return it."""
    path = out / source.name
    if path.is_file():
        return path
    from chgnet.model import CHGNet

    frame, crystals = pd.read_csv(source), read_table(source).crystals
    model = CHGNet.load(use_device="cpu", verbose=False)
    parts = out / "energies"
    parts.mkdir(parents=True, exist_ok=True)
    values = []
    for start in tqdm(range(0, len(crystals), CHUNK), desc="CHGNet", unit=f" x {CHUNK} crystals"):
        part = parts / f"{start:06d}.npy"
        if not part.is_file():
            structures = [to_pymatgen(crystal) for crystal in crystals[start : start + CHUNK]]
            with warnings.catch_warnings():
                warnings.simplefilter("ignore", UserWarning)  # it makes tensors of tensors
                results = model.predict_structure(structures, task="e", batch_size=64)
            np.save(part, np.array([float(result["e"]) for result in results]))
        values.append(np.load(part))
    frame.assign(**{COLUMN: np.concatenate(values)}).to_csv(path, index=False)
    return path


def trained(table: Path, out: Path, fold: int, members: int, epochs: int) -> Run:
    """Train a fold, unless it was done before."""
    return xtalgraph.train(
        table,
        target="e_form",
        unit="eV/cell",
        kind="extensive",
        split="folds",
        fold=fold,
        epochs=epochs,
        out=out / f"fold{fold}",
        resume=True,
        overrides=[*SETTINGS, f"training.members={members}"],
    )


def errors(run: Run, table: pd.DataFrame) -> dict[str, Any]:
    """Return the mean absolute errors on the test part: of all members, and of each kind."""
    known = run.predictions["e_form"]
    test = known[known["split"] == "test"].set_index("id")
    truth = test["target"].to_numpy()
    ends = interval(mae, truth, test["prediction"].to_numpy())
    rows = table[table["material_id"].isin(test.index)]
    kinds: dict[str, list[np.ndarray]] = {"difference": [], "target": []}
    for member in run.predictor.members:
        alone = Predictor([member], run.predictor.spec, run.predictor.elements)
        predicted = alone.predict(rows).set_index("id")["prediction"].reindex(test.index)
        kind = "difference" if float(member.delta.factor) else "target"
        kinds[kind].append(predicted.to_numpy())
    means = {name: mae(truth, np.mean(values, axis=0)) for name, values in kinds.items() if values}
    whole = {"all": mae(truth, test["prediction"].to_numpy()), "low": ends.low, "high": ends.high}
    return {"rows": len(truth), **whole, **means}


def main() -> None:
    """Compute the energies, train the folds, print a row for each."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("data", type=Path)
    parser.add_argument("out", type=Path)
    parser.add_argument("--folds", type=int, nargs="*", default=[0, 1, 2, 3, 4])
    parser.add_argument("--members", type=int, default=5)
    parser.add_argument("--epochs", type=int, default=60)
    parser.add_argument("--energies", action="store_true", help="compute the energies alone")
    given = parser.parse_args()
    path = with_energies(given.data / NAME, given.out)
    if given.energies:
        return
    table = pd.read_csv(path)
    for fold in given.folds:
        run = trained(path, given.out, fold, given.members, given.epochs)
        print(f"fold {fold}", errors(run, table), flush=True)


if __name__ == "__main__":
    main()
