"""The documents of a run that say what it was made from: ``split.json`` and ``record.json``."""

import json
import os
import platform
import shlex
import time
from collections import Counter
from collections.abc import Mapping, Sequence
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np
import torch

from xtalgraph.conventions.conditional import settings_read
from xtalgraph.conventions.elements import SYMBOLS
from xtalgraph.conventions.settings import settings_from
from xtalgraph.data.dataset import Divided
from xtalgraph.data.targets import Target
from xtalgraph.evidence.assessment import assess_labels, assess_split
from xtalgraph.models.registry import ENCODERS
from xtalgraph.models.spec import ModelSpec
from xtalgraph.nn.basis import describe_bases
from xtalgraph.workflows.config import RunConfig

_PACKAGES = ("xtalgraph", "torch", "numpy", "scipy", "scikit-learn", "vesin", "gemmi", "ase")


def make_record(
    folder: Path,
    config: RunConfig,
    divided: Divided,
    trained: Mapping[str, Any],
    seconds: Mapping[str, float],
) -> dict[str, dict[str, Any]]:
    """Gather the record."""
    dataset, split = divided.dataset, divided.split
    spec, crystals = config.spec, dataset.table.crystals
    sizes = np.array([len(crystal) for crystal in crystals])
    seen = Counter(z for i in split.train for z in crystals[i].elements)
    graph = dict(spec.strategy_settings)
    length = config.training.length(len(split.train))
    return {
        "Repeat": {"command": repeat_command("train", shlex.quote(config.data.path), folder)},
        "Target": _declared(config.targets),
        "Data": {
            "source": config.data.path,
            "crystals": len(crystals),
            "rejected rows": len(dataset.table.rejected),
            "atoms per crystal": {
                "least": int(sizes.min()),
                "most": int(sizes.max()),
                "mean": float(sizes.mean()),
            },
            "split": dict(split.drawn),
            **{f"{name} crystals": len(rows) for name, rows in split.parts().items()},
            **(
                {"subtracted from stresses, eV/atom over the volume": dict(virials)}
                if (virials := config.data.pulay_stress)
                else {}
            ),
            "elements in training": {SYMBOLS[z]: n for z, n in sorted(seen.items())},
            "data sha256": dataset.content_hash,
        },
        "Graph": {
            "strategy": spec.strategy,
            "cutoff, Å": graph["cutoff"],
            "maximum neighbours": graph.get("max_neighbors"),
            **_spaced({k: v for k, v in graph.items() if k not in ("cutoff", "max_neighbors")}),
            "mean edges per crystal": trained["mean edges per crystal"],
            "reduction tolerance, Å": spec.reduction_tolerance,
            "mean edges per crystal, reduced": trained["mean edges per crystal, reduced"],
        },
        "Model": {**model_fields(spec), "parameters": trained["parameters"]},
        **({"Fine-tuning": dict(trained["start"])} if "start" in trained else {}),
        "Training": {
            **_spaced(config.sections()["training"]),
            "threads": config.training.threads or 1,
            "epochs": length.epochs,
            "patience": length.patience,
            "weight decay": config.training.decay(ENCODERS[spec.encoder].recommended.weight_decay),
            "epochs done": trained["epochs"],
            "selected epoch": trained["selected epoch"],
            "selection": "one standard error" if len(split.val) else "last epoch",
        },
        "Hardware": hardware(),
        "Versions": versions(),
        "Time": {
            "ended": time.strftime("%Y-%m-%d %H:%M:%S %z"),
            **{f"{name}, s": value for name, value in seconds.items()},
            "training crystals per second": trained["crystals per second"],
        },
    }


def model_fields(spec: ModelSpec) -> dict[str, Any]:
    """Return what a model is: its readout, its bases as they are made, the settings it reads."""
    encoder = ENCODERS[spec.encoder]
    config = settings_from(encoder.Config, spec.settings, "model")
    with torch.random.fork_rng(devices=[]):
        bases = describe_bases(encoder(config, spec.make_strategy().cutoff))
    if spec.make_angles() is None:
        bases.pop("angular basis", None)
    return {
        "architecture": spec.encoder,
        "readout": ", ".join(dict.fromkeys(spec.readouts)),
        **bases,
        **_spaced(settings_read(config)),
    }


def _declared(targets: Sequence[Target]) -> dict[str, Any]:
    declared = [{key: value or "" for key, value in target.as_dict().items()} for target in targets]
    return declared[0] if len(declared) == 1 else {str(text.pop("name")): text for text in declared}


def _spaced(settings: Mapping[str, Any]) -> dict[str, Any]:
    return {key.replace("_", " "): value for key, value in settings.items()}


def repeat_command(verb: str, source: str, folder: Path) -> str:
    """Return the command that repeats a training; what was in memory must be given again.

    Args:
        verb: That trains, as it is on the command line.
        source: What was learned from, as words of a shell.
        folder: The run.

    >>> repeat_command("train", "my.csv", Path("runs/a b"))
    "xtalgraph train my.csv --config 'runs/a b/config.yaml' --out NEW_RUN"
    """
    settings = str(folder / "config.yaml")
    if source.lstrip("'").startswith("<"):
        return f"xtalgraph.{verb.replace('-', '_')}(data, out=NEW_RUN, config={settings!r})"
    return f"xtalgraph {verb} {source} --config {shlex.quote(settings)} --out NEW_RUN"


def split_document(divided: Divided) -> dict[str, Any]:
    """Assess labels and split.

    Args:
        divided: Crystals, labels and parts.

    Returns:
        The content of ``split.json``: ``drawn``, the ids of the parts, what `assess_split` counts,
        and under ``labels`` a `LabelAssessment` for each target.
    """
    labels = {name: assessment.as_dict() for name, assessment in assess_labels(divided).items()}
    return {**parts_of(divided), **assess_split(divided), "labels": labels}


def parts_of(divided: Divided) -> dict[str, Any]:
    """Return what identifies a split: how it was made, the data, and the ids of the parts."""
    ids = divided.dataset.table.ids
    return {
        "drawn": dict(divided.split.drawn),
        "data_sha256": divided.dataset.content_hash,
        **{name: [ids[i] for i in rows.tolist()] for name, rows in divided.split.parts().items()},
    }


def earlier_split_document(folder: Path, divided: Divided) -> dict[str, Any] | None:
    """Return what a run folder says of the same split: a resumed run does not count again."""
    path = folder / "split.json"
    if not path.is_file():
        return None
    before: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
    same = all(before.get(key) == value for key, value in parts_of(divided).items())
    return before if same else None


def versions() -> dict[str, str]:
    """Return the versions of Python and of the libraries on which the numbers depend."""
    return {"python": platform.python_version()} | {name: version(name) for name in _PACKAGES}


def hardware() -> dict[str, Any]:
    """Return what the run ran on."""
    return {
        "system": platform.platform(),
        "processor": platform.processor() or platform.machine(),
        "cores": os.cpu_count(),
        "threads": torch.get_num_threads(),
    }
