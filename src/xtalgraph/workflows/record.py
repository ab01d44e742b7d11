"""The record of a run: everything that is needed to repeat it, for ``record.json`` and the card."""

import shlex
import time
from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch

from xtalgraph.conventions.conditional import settings_read
from xtalgraph.conventions.elements import SYMBOLS
from xtalgraph.conventions.settings import settings_from
from xtalgraph.data.divided import Divided
from xtalgraph.data.targets import Target
from xtalgraph.models.registry import ENCODERS
from xtalgraph.models.spec import ModelSpec
from xtalgraph.nn.basis import describe_bases
from xtalgraph.training.selection import SELECTION
from xtalgraph.workflows.config import RunConfig
from xtalgraph.workflows.outcome import hardware, versions


def make_record(
    folder: Path,
    config: RunConfig,
    divided: Divided,
    trained: Mapping[str, Any],
    seconds: Mapping[str, float],
) -> dict[str, dict[str, Any]]:
    """Gather the record.

    Args:
        folder: The run.
        config: The resolved settings.
        divided: Crystals, labels and parts.
        trained: What came out of the training.
        seconds: Time of each step.

    Returns:
        Section to field to value, all plain.
    """
    dataset, split = divided.dataset, divided.split
    spec, crystals = config.spec, dataset.table.crystals
    sizes = np.array([len(crystal) for crystal in crystals])
    seen = Counter(z for i in split.train for z in crystals[i].elements)
    graph = dict(spec.strategy_settings)
    length = config.training.length(len(split.train))
    return {
        "Repeat": {"command": _command(config.data.path, folder)},
        "Target": _declared(config.targets),
        "Data": {
            "source": config.data.path,
            "crystals": len(crystals),
            "rejected rows": len(dataset.table.rejected),
            "atoms per crystal": f"{sizes.min()} to {sizes.max()}, mean {sizes.mean():.1f}",
            "split": split.description,
            **{f"{name} crystals": len(rows) for name, rows in split.parts().items()},
            "elements in training": ", ".join(
                f"{SYMBOLS[z]} ({n})" for z, n in sorted(seen.items())
            ),
            "data sha256": dataset.content_hash,
        },
        "Graph": {
            "strategy": spec.strategy,
            "cutoff, Å": graph["cutoff"],
            "maximum neighbours": graph.get("max_neighbors", "no limit"),
            **_spaced({k: v for k, v in graph.items() if k not in ("cutoff", "max_neighbors")}),
            "periodic convention": "all images within the cutoff; several edges per pair; edges "
            "to own images; vector = position[neighbor] + image @ cell - position[center]",
            "search algorithm": f"cell list, vesin {versions()['vesin']}",
            "mean edges per crystal": trained["mean edges per crystal"],
            "reduction tolerance, Å": spec.reduction_tolerance or "not folded",
            "mean edges per crystal, folded": trained["mean edges per crystal, folded"],
        },
        "Model": {**model_fields(spec), "parameters": trained["parameters"]},
        "Training": {
            **_spaced(config.sections()["training"]),
            "threads": config.training.threads or 1,
            "epochs": length.epochs,
            "patience": length.patience,
            "weight decay": config.training.decay(ENCODERS[spec.encoder]),
            "epochs done": trained["epochs"],
            "selected epoch": trained["selected epoch"],
            "selection": SELECTION if len(split.val) else "the last epoch",
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
    """Return what a model is: its readout, its bases as they are made, and settings that are read.

    Args:
        spec: Of the model.
    """
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
    each = [{key: value or "" for key, value in one.as_dict().items()} for one in targets]
    return each[0] if len(each) == 1 else {str(one.pop("name")): one for one in each}


def _spaced(settings: Mapping[str, Any]) -> dict[str, Any]:
    return {key.replace("_", " "): value for key, value in settings.items()}


def _command(path: str, folder: Path) -> str:
    """Return the command that repeats the run; what was in memory must be given again."""
    if path.startswith("<"):
        return f"xtalgraph.train(data, out=NEW_RUN, config='{folder / 'config.yaml'}')"
    settings = shlex.quote(str(folder / "config.yaml"))
    return f"xtalgraph train {shlex.quote(path)} --config {settings} --out NEW_RUN"
