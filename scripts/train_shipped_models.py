"""Train the models that come with the package, and pack them into it.

`python scripts/train_shipped_models.py DATA --out runs/shipped [--only NAME ...] [--pack]`. DATA
holds the tables named in `scripts/shipped_models.json`, whose sources stand there, and the folder
`potentials`. Each training is one `xtalgraph train` on one thread; it goes on where it was stopped,
and one that has ended is not repeated. One takes minutes to half an hour of a core. `--pack` writes
what is shipped of each run into `src/xtalgraph/models/shipped`:

- weights and embeddings of the models of properties with the precision of 16-bit numbers, which
  halves the wheel; how much that changes the predictions of the test part is printed, and more than
  a hundredth of their error is an error. Potentials keep all digits;
- tables of predictions with seven digits, of forces and stresses those of the test part;
- of the pre-trained encoder weights alone, not the embeddings of what it has learned from;
- no crystals, and no path of this machine.
"""

import argparse
import dataclasses
import gzip
import hashlib
import io
import json
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any, Final

import numpy as np
import pandas as pd
import safetensors.torch
import torch

from xtalgraph.conventions.documents import write_json
from xtalgraph.models.manifest import write_manifest
from xtalgraph.models.named_models import SHIPPED
from xtalgraph.models.novelty import TrainingSet
from xtalgraph.models.predictor import TRAINING_FILE, Predictor
from xtalgraph.workflows.run import Run

HERE: Final = Path(__file__).parent
COMMAND: Final = "from xtalgraph.cli.main import main; main()"
RECIPES: Final = json.loads((HERE / "shipped_models.json").read_text(encoding="utf-8"))
SAID: Final = ("title", "trained_on", "held_out", "not_for", "license", "reference")
PATHS: Final = re.compile(r"(?<=[\s\"])(/[^\s\"/]+)+/")
"""The folders of a path of this machine."""
LARGE: Final = 1024
"""Numbers of an array of weights from which it is rounded."""
MEMBERS: Final = "2"
"""Models of each property: the fewest that tell how sure they are."""


def trained(recipe: dict[str, Any], data: Path, out: Path) -> tuple[Path, Path]:
    """Train a model, unless it was done before; return its table and its run folder."""
    run, table = out / recipe["name"], data / recipe["data"]
    if recipe.get("pretrained"):
        command = [sys.executable, str(HERE.parent / "benchmarks" / "pretrained_folds.py")]
        command += [str(data), str(run), "--folds"]
        run = run / "pretrained"
    elif "element" in recipe:
        command = [sys.executable, str(HERE.parent / "benchmarks" / "potential_accuracy.py")]
        command += [str(data / "potentials"), "--out", str(out), "--elements", recipe["element"]]
        command += ["--options", "--resume"]
        run = out / recipe["element"]
    else:
        if recipe["name"] == "dielectric-constant":
            table = with_dielectric_constant(data, out)
        command = [sys.executable, "-c", COMMAND, "train", str(table)]
        command += [*recipe["options"], "--members", MEMBERS, "--intervals", "--jobs", "1"]
        command += ["--out", str(run), "--resume"]
    if not (run / "manifest.json").is_file():
        environment = {**os.environ, "OMP_NUM_THREADS": "1", "OMP_WAIT_POLICY": "PASSIVE"}
        subprocess.run(command, env=environment, check=True)
    return table, run


def with_dielectric_constant(data: Path, out: Path) -> Path:
    """Write the table of dielectric tensors with a third of the trace; return it."""
    path = out / "tables" / "dielectric_tensors.json.gz"
    if not path.is_file():
        document = json.loads(gzip.decompress((data / path.name).read_bytes()))
        column = document["columns"].index("dielectric_electronic")
        document["columns"].append("dielectric_constant")
        for row in document["data"]:
            row.append(float(np.trace(row[column])) / 3)
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(gzip.compress(json.dumps(document).encode(), mtime=0))
    return path


def packed(recipe: dict[str, Any], run: Path, data: Path, home: Path) -> Path:
    """Write what is shipped of a run; return its folder."""
    folder = home / recipe["name"]
    shutil.rmtree(folder, ignore_errors=True)
    (folder / "predictions").mkdir(parents=True)
    is_potential = "element" in recipe
    for member in [Path(), *(path.relative_to(run) for path in sorted(run.glob("members/*")))]:
        (folder / member).mkdir(parents=True, exist_ok=True)
        _pack_weights(run / member, folder / member, keep=is_potential)
    if not recipe.get("pretrained"):
        known = TrainingSet.load(run / TRAINING_FILE)
        rounded = known.embedding if is_potential else _rounded(known.embedding)
        dataclasses.replace(known, embedding=rounded).save(folder / TRAINING_FILE)
    for name in ("intervals.json", "metrics.json", "split.json", "log.csv"):
        if (run / name).is_file():
            shutil.copyfile(run / name, folder / name)
    for name in ("config.yaml", "record.json"):
        text = (run / name).read_text(encoding="utf-8")
        (folder / name).write_text(PATHS.sub("", text), encoding="utf-8")
    if (run / "structures.json").is_file():
        structures = json.loads((run / "structures.json").read_text(encoding="utf-8"))
        write_json(folder / "structures.json", structures | {"crystals": []})
    for path in run.glob("predictions/*.csv"):
        table = pd.read_csv(path, dtype={"id": str})
        if path.stem in ("forces", "stress"):
            table = table[table["split"] == "test"]
        text = io.StringIO()
        table.to_csv(text, index=False, float_format="%.7g", lineterminator="\n")
        (folder / "predictions" / path.name).write_text(text.getvalue(), encoding="utf-8")
    write_json(folder / "about.json", {key: recipe[key] for key in SAID})
    write_manifest(folder)
    if not is_potential and not recipe.get("pretrained"):
        _check_rounding(run, folder, data)
    return folder


def _pack_weights(member: Path, into: Path, keep: bool) -> None:
    weights = safetensors.torch.load_file(member / "model.safetensors")
    if not keep:
        weights = {
            name: torch.from_numpy(_rounded(value.numpy())) if value.numel() >= LARGE else value
            for name, value in weights.items()
        }
    written = safetensors.torch.save(weights)
    (into / "model.safetensors").write_bytes(written)
    document = json.loads((member / "model.json").read_text(encoding="utf-8"))
    document["weights_sha256"] = hashlib.sha256(written).hexdigest()
    write_json(into / "model.json", document)


def _rounded(values: np.ndarray) -> np.ndarray:
    return values.astype(np.float16).astype(values.dtype)


def _check_rounding(run: Path, folder: Path, data: Path) -> None:
    """Compare the predictions of the test part, and its novelty, before and after."""
    divided = Run.open(run).data(data)
    test = [divided.dataset.table.crystals[row] for row in divided.split.test]
    target = divided.dataset.targets[0].name
    labels = divided.dataset.labels.of(target, divided.split.test)
    was, now = (
        Predictor.load(where).predict_crystals(test, novelty=True) for where in (run, folder)
    )
    before, after = (
        float(np.abs(p.predictions.values[target] - labels).mean()) for p in (was, now)
    )
    distances = [[n.embedding_distance for n in p.novelty if n is not None] for p in (was, now)]
    apart = float(np.abs(np.subtract(*distances)).max())
    flags = sum(a.is_new != b.is_new for a, b in zip(was.novelty, now.novelty, strict=True))
    print(
        f"{folder.name}: test MAE {before:.5g} before, {after:.5g} after rounding; distances of "
        f"novelty differ by at most {apart:.2g}, flags of {flags} of {len(test)} crystals"
    )
    if abs(after - before) > 0.01 * before:
        raise SystemExit(f"{folder.name} must not be rounded: its test error changes")


def main() -> None:
    """Train what is asked for."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("data", type=Path)
    parser.add_argument("--out", type=Path, default=Path("runs/shipped"))
    names = [recipe["name"] for recipe in RECIPES]
    parser.add_argument("--only", nargs="+", default=names, choices=names)
    parser.add_argument("--pack", action="store_true", help="write into the package")
    asked = parser.parse_args()
    asked.out.mkdir(parents=True, exist_ok=True)
    for recipe in RECIPES:
        if recipe["name"] in asked.only:
            table, run = trained(recipe, asked.data.absolute(), asked.out.absolute())
            if asked.pack:
                folder = packed(recipe, run, table, SHIPPED)
                size = sum(path.stat().st_size for path in folder.rglob("*") if path.is_file())
                print(f"{folder}: {size / 1e6:.2f} MB")


if __name__ == "__main__":
    main()
